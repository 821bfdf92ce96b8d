# SPDX-License-Identifier: Apache-2.0
"""A node on its own at a modem with a lossy air, and whoever receives it: the picture, the orders, the promises."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.archive import OneModel
from glimpse.binding.control import Answer, Downlink, Have, Set, merge_telemetry, read_telemetry, write_downlink
from glimpse.binding.model import protocol
from glimpse.binding.seal import DOWNLINK, UPLINK, ArchiveOpener
from glimpse.errors import GlimpseError
from glimpse.keys import make_key
from glimpse.modem.air import Air
from glimpse.modem.e5 import E5
from glimpse.modem.emulator import EmulatedModem
from glimpse.modem.line import PtyModem
from glimpse.modem.radio import find_region
from glimpse.modem.rak3172 import Rak3172
from glimpse.reassemble import Assembly
from glimpse.receiving import Receiver as Receiving
from glimpse.receiving.answer import Answers, Rules
from glimpse.targets.client import modem_fields
from glimpse.targets.sim import SimNode
from support.nodes import ProgramNode

DIFFERENCE, PARITY, TELEMETRY = 1, 2, 3
PORT = 1


@contextmanager
def at_work(air, dialect=E5, region="US915", rate=3, *, keep_duty=True, speed=100.0):
    """An emulated modem on a terminal, working in the background."""
    emulated = EmulatedModem(dialect, find_region(region), air, data_rate=rate, keep_duty=keep_duty)
    terminal = PtyModem(emulated, speed)
    stopped = threading.Event()
    worker = threading.Thread(target=terminal.run, args=(stopped.is_set,), daemon=True)
    worker.start()
    try:
        yield terminal, emulated
    finally:
        stopped.set()
        worker.join(timeout=5)
        terminal.close()


def wait_for(what, seconds=60.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def expected_symbols():
    model = zoo.load().binding
    latent, _ = model.encode_outputs(binding.pattern(model.photo_width, model.photo_height))
    return model.quantise(latent)


class Receiver:
    """Puts the picture together, gives the node an order until it is answered, and then tells it what has come."""

    def __init__(self, order):
        self.model = zoo.load()
        self.assembly = Assembly(self.model)
        self.air = Air(loss=0.2, seed=5, deliver=self.take)
        self.order = order
        self.sequence = 10
        self.obeyed = False
        self.told = 0  # how often the node was told what came
        self.again = 0  # packets that came after that
        self.useless = 0

    @property
    def complete(self):
        return self.assembly.symbols_received == self.model.binding.symbol_count

    def say(self, *commands):
        self.sequence += 1
        model = self.model.binding
        frame = self.assembly.frame or 0
        downlink = Downlink(self.sequence, commands, model.id, model.revision, frame)
        self.air.downlinks.append((PORT, write_downlink(downlink, 242)))

    def take(self, uplink):
        if binding.read_header(uplink.payload).kind == TELEMETRY:
            report = read_telemetry(uplink.payload)
            self.obeyed = self.obeyed or report.answer == Answer(self.sequence, "done")
            if report.trigger is not None and self.obeyed and not self.complete and not self.air.downlinks:
                self.told += 1
                self.say(Have(received=self.assembly.received, model=self.model.binding))
        else:
            verdict = self.assembly.add(uplink.payload)
            self.again += self.told > 0
            self.useless += not verdict.used
        if not self.obeyed and not self.air.downlinks:
            self.say(self.order)


def program_node(program, folder, modem, monkeypatch):
    monkeypatch.setenv("GLIMPSE_MODEM", modem)
    return ProgramNode(program, folder)


def emulated_node(program, folder, modem, monkeypatch):
    return SimNode("qemu_cortex_m7", None, folder, modem=modem)


@pytest.mark.parametrize(("open_node", "dialect"), [(program_node, Rak3172), (emulated_node, E5)])
def test_a_picture_over_a_lossy_air(program, tmp_path, monkeypatch, open_node, dialect):
    receiver = Receiver(Set({"budget": 500, "deadline": 900}))
    with (
        at_work(receiver.air, dialect) as (terminal, emulated),
        open_node(program, tmp_path, terminal.path, monkeypatch) as node,
    ):
        node.downlink(write_downlink(Downlink(1, (Set({"period": 86400}),))))
        node.set_modem(dialect.name, region="US915", data_rate=3, adaptive=False, port=PORT, pattern=True)
        wait_for(lambda: receiver.complete and receiver.obeyed, 120)
        report = merge_telemetry(node.telemetry())
        sent = emulated.air.uplinks
    assert np.array_equal(receiver.assembly.symbols, expected_symbols())
    assert receiver.air.lost > 0 and receiver.told > 0 and receiver.again > 0
    assert receiver.useless == 0, "nothing that the receiver has comes again"
    assert sent > 10
    assert report.settings["budget"] == 500 and report.settings["deadline"] == 900
    assert (report.trigger, report.frame) == (5, 0)


def test_a_reset_in_the_middle_keeps_airtime_and_counters(program, tmp_path, monkeypatch):
    key = make_key(tmp_path / "key")
    heard = []
    air = Air(deliver=lambda uplink: heard.append(uplink.payload))
    with at_work(air, region="EU868", rate=0, keep_duty=False) as (terminal, _):
        monkeypatch.setenv("GLIMPSE_MODEM", terminal.path)
        counts = []
        for life in range(3):
            with ProgramNode(program, tmp_path) as node:
                if life == 0:
                    node.install_key(key)
                    told = write_downlink(Downlink(1, (Set({"period": 3600}),)))
                    node.downlink(key.seal(DOWNLINK).close(0, told))
                    node.set_modem("e5", data_rate=0, adaptive=False, pattern=True)
                    wait_for(lambda: len(heard) >= 4)  # the power fails here
                    continue
                quiet = time.monotonic() + 3
                while time.monotonic() < quiet:
                    time.sleep(0.1)
            counts.append(len(heard))
    opener = ArchiveOpener(key.seal(UPLINK))
    assert all(opener.take(packet) for packet in heard)
    counters = [int.from_bytes(packet[-6:-4], "big") for packet in heard]
    assert len(set(counters)) == len(counters)
    eu868 = next(region for region in binding.schedule.regions() if region.name == "EU868")
    assert sum(eu868.airtime_us(0, len(packet)) for packet in heard) <= 36_000_000
    assert counts[0] > 4, "what is left of the hour is used after the restart"
    assert counts[1] == counts[0]


def test_a_modem_that_vanishes_does_not_stop_the_node(program, tmp_path, monkeypatch):
    with at_work(Air()) as (terminal, emulated):
        monkeypatch.setenv("GLIMPSE_MODEM", terminal.path)
        with ProgramNode(program, tmp_path) as node:
            node.downlink(write_downlink(Downlink(1, (Set({"period": 3600}),))))
            node.set_modem("e5", region="US915", data_rate=3, pattern=True)
            wait_for(lambda: emulated.air.uplinks >= 2)
            hear = emulated.feed
            monkeypatch.setattr(emulated, "feed", lambda now, data: None)
            heard = emulated.air.uplinks
            assert node.capture(None, pattern=True, budget=100).packets, "the serial line works as before"
            time.sleep(2)
            assert emulated.air.uplinks <= heard + 1 and node.health().boots == 1
            monkeypatch.setattr(emulated, "feed", hear)
            node.set_modem("e5", region="US915", data_rate=3, pattern=True)
            wait_for(lambda: emulated.air.uplinks > heard + 3)
            assert node.health().boots == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"data_rate": 9}, "refused"),
        ({"port": 0}, "refused"),
        ({"region": "Sigfox"}, "refused"),
        ({"region": "MARS"}, "EU868"),
        ({"confirmed": True, "fair_use": True}, "10 downlinks a day"),
    ],
)
def test_impossible_modems_are_refused(program, tmp_path, monkeypatch, words, why):
    monkeypatch.setenv("GLIMPSE_MODEM", str(Path("/dev/null")))
    with ProgramNode(program, tmp_path) as node, pytest.raises(GlimpseError, match=why):
        node.set_modem("e5", **words)


def test_a_host_that_asks_for_more_downlinks_than_there_are_is_refused(program, tmp_path, monkeypatch):
    monkeypatch.setenv("GLIMPSE_MODEM", str(Path("/dev/null")))
    body = bytearray(modem_fields("e5", confirmed=True))
    body[3] |= protocol("NODE_MODEM_FAIR_USE")
    with ProgramNode(program, tmp_path) as node, pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_MODEM", bytes(body))


@pytest.mark.parametrize("fair_use", [False, True])
def test_nobody_is_asked_for_downlinks_that_the_policy_does_not_leave(program, tmp_path, monkeypatch, fair_use):
    told, prompts = [], []

    def take(uplink):
        if len(told) < 10 and not air.downlinks:
            told.append(write_downlink(Downlink(20 + len(told), (Set({"deadline": 3600}),))))
            air.downlinks.append((PORT, told[-1]))
        if binding.read_header(uplink.payload).kind == TELEMETRY and read_telemetry(uplink.payload).trigger is not None:
            prompts.append(len(told))

    air = Air(deliver=take)
    with (
        at_work(air, rate=3) as (terminal, _),
        program_node(program, tmp_path, terminal.path, monkeypatch) as node,
    ):
        node.downlink(write_downlink(Downlink(1, (Set({"period": 86400, "budget": 1500, "payload": 51}),))))
        node.set_modem("e5", region="US915", data_rate=3, adaptive=False, fair_use=fair_use, pattern=True)
        wait_for(lambda: len(told) == 10 and not air.downlinks)
        if fair_use:
            time.sleep(4)
        else:
            wait_for(lambda: prompts)
    assert bool(prompts) != fair_use


def test_a_board_without_a_modem_line_says_so(program, tmp_path, monkeypatch):
    monkeypatch.delenv("GLIMPSE_MODEM", raising=False)
    with ProgramNode(program, tmp_path) as node, pytest.raises(GlimpseError, match="refused"):
        node.set_modem("e5")


class Home:
    """A receiver that answers by its rules, and what it heard of each photo."""

    def __init__(self, loss):
        self.model = zoo.load()
        self.receiver = Receiving(OneModel(self.model))
        self.answers = Answers(self.receiver, Rules(a_day=None, payload=242))
        self.air = Air(loss=loss, seed=3, deliver=self.take)
        self.kinds = {}  # of the packets that came, by photo
        self.told = set()  # photos of which the node says that it has sent all

    def take(self, uplink):
        reception = self.receiver.add("node", uplink.payload, uplink.time)
        header = binding.read_header(uplink.payload)
        if header.kind == TELEMETRY:
            if reception.brought is not None and reception.brought.trigger is not None:
                self.told.add(reception.brought.frame)
        else:
            self.kinds.setdefault(header.frame, set()).add(header.kind)
        answer = self.answers.after("node", reception, uplink.time)
        self.air.downlinks.clear()
        if answer is not None:
            self.air.downlinks.append((PORT, answer))

    def frame(self, number):
        """The photo as the receiver has it; None: nothing of it."""
        return next((each for each in self.receiver.frames("node") if each.number == number), None)

    def shown(self, number):
        """What the receiver takes the photo's latent for."""
        return None if self.frame(number) is None else self.frame(number).assembly.latent()[0]

    def begin_anew(self):
        """What a receiver forgets when it starts again."""
        self.receiver = Receiving(OneModel(self.model))
        self.answers = Answers(self.receiver, Rules(a_day=None, payload=242))


def photos_of_a_fixed_camera(model):
    """Three photos of one scene, into which something comes."""
    scene = np.random.default_rng(1).integers(90, 110, (model.photo_height, model.photo_width, 3), np.uint8)
    scene[60:160, 40:180] += 60
    photos = [scene.copy() for _ in range(3)]
    photos[1][30:70, 100:150] = (200, 40, 40)
    photos[2][150:200, 20:60] = (40, 200, 40)
    return photos


@pytest.mark.parametrize("open_node", [program_node, emulated_node])
def test_photos_of_a_fixed_camera_leave_as_their_changes(program, tmp_path, monkeypatch, open_node):
    home = Home(0.1)
    model = home.model.binding
    photos = photos_of_a_fixed_camera(model)
    (tmp_path / "camera.rgb").write_bytes(b"".join(photo.tobytes() for photo in photos))
    latents = [model.encode_outputs(photo)[0] for photo in photos]
    meant = [model.quantise(latents[0])]
    held = binding.reference(model, 0, meant[0], np.ones(model.latent_shape, bool))
    meant += [binding.settle(model, held, latents[1], 1.0), model.quantise(latents[2])]

    def take_photo(node, number):
        node.set_modem("e5", region="US915", data_rate=4, adaptive=False, port=PORT)  # which begins with a photo
        values = model.latent_values(meant[number])
        wait_for(lambda: (seen := home.shown(number)) is not None and np.array_equal(seen, values))
        wait_for(lambda: (number in home.told or home.receiver.current("node").whole) and not home.air.downlinks)
        time.sleep(0.5)  # the answer's way through the modem

    with at_work(home.air, rate=4) as (terminal, _), open_node(program, tmp_path, terminal.path, monkeypatch) as node:
        node.downlink(write_downlink(Downlink(1, (Set({"period": 86400, "prior": 1, "parity": 2}),))))
        for number in range(3):
            take_photo(node, number)
    differ = [home.frame(number).assembly.reference is not None for number in range(3)]
    assert differ == [False, True, False], "the third is whole again"
    assert PARITY in set().union(*home.kinds.values())
    assert home.receiver.tally.rejected == {}


def test_a_receiver_that_began_anew_gets_whole_photos(program, tmp_path, monkeypatch):
    home = Home(0.0)
    photos = photos_of_a_fixed_camera(home.model.binding)
    (tmp_path / "camera.rgb").write_bytes(b"".join(photo.tobytes() for photo in photos))

    def take_photo(node, number):
        node.set_modem("e5", region="US915", data_rate=4, adaptive=False, port=PORT)
        wait_for(lambda: number in home.told or ((seen := home.frame(number)) is not None and seen.whole))
        wait_for(lambda: not home.air.downlinks)
        time.sleep(0.5)  # the answer's way through the modem

    with (
        at_work(home.air, rate=4) as (terminal, _),
        program_node(program, tmp_path, terminal.path, monkeypatch) as node,
    ):
        node.downlink(write_downlink(Downlink(7, (Set({"period": 86400, "prior": 9}),))))
        take_photo(node, 0)
        home.begin_anew()
        take_photo(node, 1)
        assert DIFFERENCE in home.kinds[1] and home.frame(1).assembly.reference is None, "begun as a difference"
        assert home.answers.said["whole"] == 1
        assert home.frame(1).assembly.symbols_received == home.model.binding.symbol_count
        take_photo(node, 2)
        assert home.kinds[2] == {DIFFERENCE}, "the whole photo is a reference again"
        assert home.receiver.tally.rejected == {"reference": 1}


def test_what_is_dark_or_did_not_move_is_not_sent(program, tmp_path, monkeypatch):
    """A look takes one of the camera's frames, a photo that is sent the next."""
    home = Home(0.0)
    scene, moved, _ = photos_of_a_fixed_camera(home.model.binding)
    pale = scene + np.uint8(8)
    frames = [scene // np.uint8(20), scene, scene, pale, moved, moved]
    (tmp_path / "camera.rgb").write_bytes(b"".join(frame.tobytes() for frame in frames))

    def is_home(number, photo):
        model = home.model.binding
        values = model.latent_values(model.quantise(model.encode_outputs(photo)[0]))
        return lambda: (seen := home.shown(number)) is not None and np.array_equal(seen, values)

    def look(node):
        node.set_modem("e5", region="US915", data_rate=4, adaptive=False, port=PORT)

    with (
        at_work(home.air, rate=4) as (terminal, _),
        program_node(program, tmp_path, terminal.path, monkeypatch) as node,
    ):
        node.downlink(write_downlink(Downlink(1, (Set({"period": 86400, "quiet": 8}),))))
        look(node)
        time.sleep(1.5)
        assert node.health().next_frame == 0, "dark"
        look(node)
        wait_for(is_home(0, scene))
        report = merge_telemetry(node.telemetry())
        assert (report.trigger, report.frame, report.settings["quiet"]) == (4, 0, 8)
        look(node)
        time.sleep(1.5)
        assert node.health().next_frame == 1, "nothing moved"
        look(node)
        wait_for(is_home(1, moved))
        assert node.health().next_frame == 2
