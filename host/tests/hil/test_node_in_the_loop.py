# SPDX-License-Identifier: Apache-2.0
"""What any node must do, emulated or real: `pytest host/tests/hil --target serial:/dev/ttyACM0` (docs/hil.md)."""

import random
import struct
import time

import numpy as np
import pytest
from glimpse.binding import protocol
from glimpse.binding.control import Downlink, Set, merge_telemetry, write_downlink
from glimpse.errors import GlimpseError
from glimpse.hil.device import COUNTS, DOWNLINKS, STACK
from support.photos import test_photos as make_photos

CUT_MS = 40  # of a frame's sending, at most, before something happens to it


def photos_for(device, count):
    model = device.model.binding
    return make_photos(model.photo_height, model.photo_width, count)


def next_row_of_a_begun_frame(node, device):
    """Begins a frame whose photo comes over the line; the node waits for a row now."""
    body = struct.pack("<BBBBI", protocol("NODE_SOURCE_UPLOAD"), 0, 0, 51, 0)
    message = node.request("NODE_CAPTURE", body)
    assert message.type == protocol("NODE_NEXT_ROW")
    return bytes(3 * device.model.binding.photo_width)


def test_it_says_who_it_is(node, device):
    info = node.identify()
    assert (info.model, info.model_check) == (device.model.name, device.model.binding.check)
    assert info.latent == device.model.binding.latent_shape
    assert info.buffer_bytes_used <= info.buffer_bytes
    assert node.health().broken_frames == 0


def test_its_packets_are_the_hosts(node, device, count):
    for number, photo in enumerate(
        photos_for(device, count(short=25 if COUNTS not in device.lacks else 4, long=1000, board=20))
    ):
        coding = ("range", "raw")[number % 2]
        seen = node.capture(photo, payload=222, coding=coding, frame=number % 64)
        assert seen.packets == device.packets(photo, payload=222, coding=coding, frame=number % 64)


@pytest.mark.parametrize(("payload", "budget"), [(11, 110), (51, None), (115, 1000), (242, 61)])
def test_payload_and_budget_change_from_frame_to_frame(node, device, payload, budget):
    photo = photos_for(device, 20)[-1]
    packets = node.capture(photo, payload=payload, budget=budget).packets
    assert packets == device.packets(photo, payload=payload, budget=budget)
    assert max(map(len, packets)) <= payload and (budget is None or sum(map(len, packets)) <= budget)


def change_a_setting(node):
    """By downlink; the telemetry before it, and the budget that the node has now."""
    before = merge_telemetry(node.telemetry())
    sequence = (before.answer.sequence + 1) % 16384 if before.answer else 0
    wanted = {"period": 0, "budget": 2000 + sequence % 1000}
    answer = merge_telemetry(node.downlink(write_downlink(Downlink(sequence, (Set(wanted),)))))
    assert answer.answer.result == "done"
    return before, wanted["budget"]


def kept(node, before, budget):
    after = merge_telemetry(node.telemetry())
    return after.settings["budget"] == budget and after.node[0] == before.node[0] + 1


def test_settings_are_changed_by_downlink_and_kept(node, reset, needs):
    needs(DOWNLINKS)
    before, budget = change_a_setting(node)
    assert kept(reset(), before, budget)


@pytest.mark.power
def test_settings_are_kept_without_power(node, power, needs):
    needs(DOWNLINKS)
    before, budget = change_a_setting(node)
    assert kept(power(), before, budget)


def test_bad_commands_are_refused_and_change_nothing(node, device):
    starts = node.health().boots
    bodies = [b"", bytes(7), struct.pack("<BBBBI", 9, 0, 0, 51, 0), struct.pack("<BBBBI", 2, 0, 64, 51, 0)]
    for body in bodies:
        with pytest.raises(GlimpseError, match="refused"):
            node.request("NODE_CAPTURE", body)
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_SELECT", b"\x63")
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_MODEL_WRITE", bytes(3))
    noise = random.Random(3)
    for _ in range(20):
        node.stream.write(noise.randbytes(50))
    node.stream.write(b"\0")
    health = node.health()
    assert health.boots == starts and health.broken_frames > 0
    assert node.capture(None, pattern=True).packets == device.packets(None)


def test_a_cable_pulled_in_the_middle_of_a_frame(node, device):
    starts = node.health().boots
    row = next_row_of_a_begun_frame(node, device)
    for _ in range(3):
        node.request("NODE_ROW", row)
    device.wires[-1].pulled = True
    node.send("NODE_ROW", row)
    time.sleep(0.2)
    device.wires[-1].pulled = False
    node.stream.write(b"\0")
    assert node.health().boots == starts
    assert node.capture(None, pattern=True).packets == device.packets(None)


def test_a_reset_in_the_middle_of_a_frame(node, device, reset):
    starts = node.health().boots
    row = next_row_of_a_begun_frame(node, device)
    for _ in range(3):
        node.request("NODE_ROW", row)
    health = reset().health()
    assert (health.boots, health.reset_cause) == (starts + 1, "software")
    assert node.capture(None, pattern=True).packets == device.packets(None)


@pytest.mark.power
def test_power_cut_in_the_middle_of_a_frame(node, device, power):
    starts = node.health().boots
    body = struct.pack("<BBBBI", protocol("NODE_SOURCE_PATTERN"), 0, protocol("NODE_NEXT_FRAME"), 51, 0)
    node.send("NODE_CAPTURE", body)
    time.sleep(random.random() * CUT_MS / 1000)
    node = power()
    assert node.health().boots == starts + 1
    assert node.capture(None, pattern=True).packets == device.packets(None)


def test_the_watchdog_brings_it_back(node, device, measure):
    starts = node.health().boots
    node.request("NODE_RESET", bytes((protocol("NODE_RESET_BY_WATCHDOG"),)))
    began, node.patience = time.monotonic(), 1.0
    while True:
        try:
            health = node.health()
            break
        except GlimpseError:
            assert time.monotonic() - began < 60, "the watchdog did not bite"
    measure("seconds until it answers", time.monotonic() - began)
    assert (health.boots, health.reset_cause) == (starts + 1, "watchdog")
    assert node.capture(None, pattern=True).packets == device.packets(None)


def test_frame_after_frame_nothing_leaks_or_drifts(node, device, count, measure):
    """Counts, stack and packets stay what they were; budgets keep it short."""
    frames = count(short=30, long=10_000, board=200)
    starts = node.health()
    expected = device.packets(None, payload=242, budget=500)
    seen = []
    for number in range(frames):
        capture = node.capture(None, pattern=True, payload=242, budget=500, frame=0)
        assert capture.packets == expected, f"frame {number}"
        seen.append(sum(capture.stats.by_stage.values()))
    health = node.health()
    assert (health.boots, health.broken_frames) == (starts.boots, starts.broken_frames)
    assert health.serial_overruns == starts.serial_overruns
    spread = np.ptp(seen[1:]) / np.median(seen)
    measure("spread of the counts, percent", 100 * spread)
    assert spread == 0 or COUNTS in device.lacks, "an emulated core executes the same instructions every time"
    measure("frames", frames)
    measure("stack peak, bytes", health.stack_peak)


def test_the_stack_stays_inside_its_bytes(node, device, measure, needs):
    """The most that was ever used, after the deepest calls."""
    needs(STACK)
    node.capture(photos_for(device, 20)[-1], payload=242)
    node.telemetry()
    peak = node.health().stack_peak
    measure("stack peak, bytes", peak)
    assert 0 < peak <= 4096, "half of what the boards have"
