# SPDX-License-Identifier: Apache-2.0
"""A node that rests takes next to no processor time; a byte or its wake pin wakes it, and no reset costs it a count."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from glimpse import binding
from glimpse.binding.control import Downlink, Set, merge_telemetry, write_downlink
from glimpse.binding.seal import DOWNLINK, UPLINK, ArchiveOpener
from glimpse.errors import GlimpseError
from glimpse.keys import make_key
from glimpse.modem.air import Air
from glimpse.targets.sim import SimNode
from support.nodes import ProgramNode
from test_field import at_work, wait_for

BUTTON = 2


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_share(node: ProgramNode | SimNode, seconds: float = 1.5) -> float:
    """Share of a processor that a node takes while nobody asks it anything."""
    before = processor_seconds(node.stream.process.pid)
    time.sleep(seconds)
    return (processor_seconds(node.stream.process.pid) - before) / seconds


@pytest.mark.parametrize("board", ["native", "qemu_cortex_m7", "qemu_cortex_m33"])
def test_a_node_rests_while_nobody_asks(program: Path, tmp_path: Path, board: str):
    with ProgramNode(program, tmp_path) if board == "native" else SimNode(board, None, tmp_path) as node:
        node.identify()
        resting = idle_share(node)
        assert resting < 0.3
        started = time.monotonic()
        assert node.health().boots == 1
        assert time.monotonic() - started < 2, "a byte wakes it"
        node.request("NODE_LINE", b"\0")  # polled: nothing would wake it, so it stays awake
        assert node.health().boots == 1
        assert board == "native" or idle_share(node) > 2 * resting
        node.request("NODE_LINE", b"\1")
        assert node.health().boots == 1


def test_a_node_on_its_own_rests_and_the_wake_pin_takes_a_photo(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with at_work(Air(), region="US915", rate=3) as (terminal, emulated):
        monkeypatch.setenv("GLIMPSE_MODEM", terminal.path)
        with ProgramNode(program, tmp_path) as node:
            node.downlink(write_downlink(Downlink(1, (Set({"budget": 200}),))))
            node.set_modem("e5", region="US915", data_rate=3, adaptive=False, pattern=True)
            wait_for(lambda: emulated.air.uplinks > 0)  # says that it has started
            wait_for(lambda: idle_share(node) < 0.3)
            silent = emulated.air.uplinks
            assert merge_telemetry(node.telemetry()).trigger is None, "without a period it takes none by itself"
            os.kill(node.stream.process.pid, signal.SIGUSR1)
            wait_for(lambda: emulated.air.uplinks > silent + 1)
            assert merge_telemetry(node.telemetry()).trigger == BUTTON
            wait_for(lambda: idle_share(node) < 0.3)


def test_a_reset_at_any_moment_costs_no_counter_and_no_airtime(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Power cuts, the watchdog, and restarts on request, at random times while packets leave at full speed."""
    key, chance = make_key(tmp_path / "key"), random.Random(7)
    heard: list[bytes] = []
    air = Air(deliver=lambda uplink: heard.append(uplink.payload))
    with at_work(air, region="EU868", rate=5, keep_duty=False, speed=1000) as (terminal, _):
        monkeypatch.setenv("GLIMPSE_MODEM", terminal.path)
        lives = {"power": 0, "watchdog": 0, "asked": 0}
        for life in range(9):
            with ProgramNode(program, tmp_path) as node:
                if life == 0:
                    node.install_key(key)
                    told = write_downlink(Downlink(1, (Set({"period": 3600}),)))
                    node.downlink(key.seal(DOWNLINK).close(0, told))
                    node.set_modem("e5", data_rate=5, adaptive=False, pattern=True)
                assert node.health().reset_cause == "power-on"  # it has begun, and counted that
                before = len(heard)
                if life <= 4:  # later the hour may be spent
                    wait_for(lambda before=before: len(heard) > before, 10)
                time.sleep(chance.random() / 4)
                how = list(lives)[life % 3]
                lives[how] += 1
                if how == "watchdog":
                    os.kill(node.stream.process.pid, signal.SIGALRM)
                    assert node.health().reset_cause == "watchdog"
                    time.sleep(chance.random() / 4)
                elif how == "asked":
                    node.request("NODE_RESET")
                    assert node.health().reset_cause == "software"
        with ProgramNode(program, tmp_path) as node:
            assert node.health().boots == 1 + 9 + lives["watchdog"] + lives["asked"]
            with pytest.raises(GlimpseError):
                node.downlink(key.seal(DOWNLINK).close(0, told))  # taken before
    opener = ArchiveOpener(key.seal(UPLINK))
    assert all(opener.take(packet) for packet in heard)
    counters = [int.from_bytes(packet[-6:-4], "big") for packet in heard]
    assert counters == sorted(set(counters))
    assert len(heard) > 20
    eu868 = next(region for region in binding.schedule.regions() if region.name == "EU868")
    assert sum(eu868.airtime_us(5, len(packet)) for packet in heard) <= 36_000_000
