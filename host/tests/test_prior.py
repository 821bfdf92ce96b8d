# SPDX-License-Identifier: Apache-2.0
"""Prior knowledge and parity from end to end: whatever link and node do, the receiver shows what the node meant."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.archive import OneModel
from glimpse.binding import KIND_DIFFERENCE, KIND_PARITY, Keeper
from glimpse.binding.control import Have, read_downlink
from glimpse.binding.parity import Rule
from glimpse.binding.schedule import Schedule
from glimpse.cli import app
from glimpse.receiving import Receiver
from glimpse.receiving.answer import Answers, Rules
from glimpse.receiving.limits import Limits
from glimpse.samples import sample_photos
from glimpse.trial.node import Photo
from glimpse.trial.run import Setup, Trial
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

MODELS = {name: zoo.load(name) for name in ("mcucoder", "limitnet")}
PATIENCE = 4


def moved(latent: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same scene with a sensor's noise, after something came into it."""
    new = latent.astype(int) + rng.integers(-1, 2, latent.shape)
    y, x = rng.integers(0, latent.shape[0] - 6, 2)
    new[y : y + 6, x : x + 6] = rng.laplace(0, 20, (6, 6, latent.shape[2]))
    return np.clip(new, -128, 127).astype(np.int8)


@dataclass
class Node:
    """What firmware/app/field_frame.c does with its keeper and its schedule, photo after photo."""

    model: binding.Model
    refresh: int
    parity: int
    number: int = 0
    sent: dict[int, tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict
    )  # symbols, and where they are the frame's

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """After a reset nothing is known; the number of the next frame is, it lies in flash."""
        self.keeper = Keeper(self.model, PATIENCE, self.refresh)
        self.symbols, self.schedule, self.frame, self.heard = None, None, -1, -1

    def take_photo(self, latent: np.ndarray, payload: int) -> bool:
        """Whether it leaves as a difference."""
        self.keeper.update(self.symbols)
        self.frame, self.number = self.number, (self.number + 1) % 64
        held = self.keeper.reference if self.keeper.may_differ else None
        symbols = self.model.quantise(latent) if held is None else binding.settle(self.model, held, latent, 1.0)
        if not self.keeper.chooses_difference(self.frame, symbols, payload):
            held, symbols = None, self.model.quantise(latent)
        self.symbols, self.held = symbols, held
        own = np.ones(symbols.shape, bool) if held is None else ~held.known | (symbols != held.symbols)
        self.sent[self.frame] = symbols, own
        rules = [Rule(8, self.parity)] if self.parity else []
        self.schedule = Schedule(self.model, symbols, held=held, parity=rules, frame=self.frame)
        return held is not None

    def next(self, payload: int) -> bytes | None:
        return self.schedule.next(0, payload)

    def take(self, downlink: bytes) -> None:
        """Once, and only about the frame that is being sent."""
        said = read_downlink(downlink, self.model.symbol_count)
        if said.sequence <= self.heard or said.frame != self.frame:
            return
        self.heard = said.sequence
        runs = [run for each in said.commands if isinstance(each, Have) for run in each.runs]
        for run in runs:
            self.schedule.known(*run)
        self.schedule.lost()
        self.keeper.acknowledge(self.frame, runs)


def check(receiver: Receiver, node: Node) -> None:
    """No frame that is held shows a symbol that its node did not mean; a whole one shows them all."""
    for frame in receiver.frames("node"):
        symbols, news = node.sent[frame.number]
        received = frame.assembly.received.astype(bool)
        np.testing.assert_array_equal(frame.assembly.symbols[received], symbols[received])
        if (received | ~news).all():
            np.testing.assert_array_equal(frame.assembly.latent()[0], node.model.latent_values(symbols))


def check_reference(receiver: Receiver, zoo_model: zoo.ZooModel, node: Node) -> None:
    """What a node sends differences against is what its receiver holds under this name."""
    if node.held is not None:
        held = receiver.references("node", zoo_model).find(node.held.name)
        assert held is not None
        np.testing.assert_array_equal(held.known, node.held.known)
        np.testing.assert_array_equal(held.symbols[held.known], node.held.symbols[held.known])


FATES = st.sampled_from(["lost", "comes", "comes", "comes", "twice", "late"])
TIMES = {"lost": 0, "comes": 1, "twice": 2, "late": 0}


def a_life(zoo_model: zoo.ZooModel, data: st.DataObject) -> tuple[int, int]:
    """A node and its receiver for some photos; how many left as differences, and how many packets were refused."""
    node = Node(zoo_model.binding, data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3)))
    receiver = Receiver(OneModel(zoo_model), Limits(references_per_node=1000))
    often = Rules(a_day=None, every=data.draw(st.integers(1, 6)), payload=data.draw(st.sampled_from([11, 51])))
    answers = Answers(receiver, often)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    latent = np.clip(np.rint(rng.laplace(0, 10, node.model.latent_shape)), -128, 127).astype(np.int8)
    late: list[bytes] = []
    late_answers: list[bytes] = []
    differences = 0

    def arrive(packet: bytes) -> None:
        answer = answers.after("node", receiver.add("node", packet), 0.0)
        fate = data.draw(FATES) if answer is not None else "lost"
        for _ in range(TIMES[fate]):
            node.take(answer)
        if fate == "late":
            late_answers.append(answer)

    for _ in range(5):
        if data.draw(st.integers(0, 5)) == 0:
            node.start()
        latent = moved(latent, rng)
        payload = data.draw(st.sampled_from([24, 51, 222, 242]))
        differences += node.take_photo(latent, payload)
        check_reference(receiver, zoo_model, node)
        for _ in range(data.draw(st.integers(0, 40))):
            packet = node.next(data.draw(st.sampled_from([payload, 242])))
            if packet is None:
                break
            fate = data.draw(FATES)
            for _ in range(TIMES[fate]):
                arrive(packet)
            if fate == "late":
                late.append(packet)
        check(receiver, node)
        for answer in late_answers[: data.draw(st.integers(0, 3))]:
            node.take(answer)
        for _ in range(min(len(late), data.draw(st.integers(0, 3)))):
            arrive(late.pop(0))
        check(receiver, node)
    return differences, receiver.tally.rejected.get("reference", 0)


@pytest.mark.parametrize("name", MODELS)
def test_both_ends_mean_the_same_whatever_the_link_does(name: str) -> None:
    differences = 0

    @settings(max_examples=10, deadline=None, database=None, derandomize=True)
    @given(data=st.data())
    def live(data: st.DataObject) -> None:
        nonlocal differences
        differences += a_life(MODELS[name], data)[0]

    live()
    assert differences >= 5, "else nothing was tried"


@pytest.mark.parametrize("name", MODELS)
def test_what_changed_comes_whole_over_a_lossy_link_and_nothing_known_comes_again(name: str) -> None:
    model, rng = MODELS[name].binding, np.random.default_rng(1)
    latent = np.clip(np.rint(rng.laplace(0, 10, model.latent_shape)), -128, 127).astype(np.int8)
    old, new = model.quantise(latent), model.quantise(moved(latent, rng))
    held = binding.reference(model, 3, old, np.ones(model.latent_shape, bool))
    schedule = Schedule(model, new, held=held, frame=4)
    symbols, received, order = old.copy(), np.zeros(model.latent_shape, np.uint8), model.order()
    sizes, lost = [], 0
    for _ in range(1000):
        packet = schedule.next(0, 51)
        if packet is None and (symbols == new).all():
            break
        if packet is None:  # the last one was lost: the receiver says what it has once more
            schedule.lost()
            continue
        assert binding.read_header(packet).kind == KIND_DIFFERENCE
        before = received.copy()
        if rng.random() < 0.3:
            lost += 1
            continue
        binding.unpack_difference(model, held, packet, symbols, received)
        sizes.append(len(packet))
        assert ((received > before) & (new != old)).any(), "every packet that comes brings a change"
        ranked = np.flatnonzero(np.diff(received.reshape(-1)[order].astype(np.int8), prepend=0, append=0))
        for first, end in zip(ranked[::2], ranked[1::2], strict=True):
            schedule.known(int(first), int(end - first))
        schedule.lost()
    assert lost > 3 and schedule.done
    np.testing.assert_array_equal(symbols, new)
    assert sum(sizes) < 2 * sum(map(len, binding.pack_difference(model, held, new, frame=4, payload=51)))


@pytest.mark.parametrize("prior", [False, True])
def test_parity_packets_replace_lost_ones_and_end_the_frame(prior: bool) -> None:
    zoo_model, rng = MODELS["mcucoder"], np.random.default_rng(2)
    model, receiver = zoo_model.binding, Receiver(OneModel(zoo_model))
    latent = np.clip(np.rint(rng.laplace(0, 10, model.latent_shape)), -128, 127).astype(np.int8)
    old, new = model.quantise(latent), model.quantise(moved(latent, rng))
    held = None
    if prior:
        (packet, *rest) = model.pack(old, frame=3, payload=242)
        frame = receiver.add("node", packet).frame
        for packet in rest:
            receiver.add("node", packet)
        held = binding.reference(model, 3, old, np.ones(model.latent_shape, bool))
        assert receiver.acknowledge(frame)
    schedule = Schedule(model, new, held=held, parity=[Rule(8, 2)], frame=4)
    packets = []
    while (packet := schedule.next(0, 51)) is not None:
        packets.append(packet)
    kinds = [binding.read_header(packet).kind for packet in packets]
    assert kinds[-1] == KIND_PARITY and kinds[:10].count(KIND_PARITY) == 2
    assert all(len(packet) <= 51 for packet in packets)
    for number, packet in enumerate(packets):  # two of every ten are lost
        if number % 10 not in (1, 4):
            receiver.add("node", packet)
    frame = receiver.current("node")
    assert receiver.tally.recovered > 0
    np.testing.assert_array_equal(frame.assembly.latent()[0], model.latent_values(new))


def test_the_first_packets_may_have_parity_of_their_own() -> None:
    model = MODELS["mcucoder"].binding
    symbols = model.quantise(np.random.default_rng(2).integers(-40, 40, model.latent_shape).astype(np.int8))
    schedule = Schedule(model, symbols, parity=[Rule(8, 3), Rule(8, 1)], frame=4)
    kinds = []
    while (packet := schedule.next(0, 51)) is not None:
        kinds.append("p" if binding.read_header(packet).kind == KIND_PARITY else "-")
    assert "".join(kinds).startswith("--------ppp--------p--------p")


def test_a_receiver_that_begins_anew_is_sent_whole_photos() -> None:
    zoo_model, rng = MODELS["mcucoder"], np.random.default_rng(2)
    first = np.clip(np.rint(rng.laplace(0, 10, zoo_model.binding.latent_shape)), -128, 127).astype(np.int8)
    trial = Trial(Setup(zoo_model, region="US915", prior=True))
    trial.run([Photo(first)])
    trial.receiver = Receiver(OneModel(zoo_model))
    trial.answers = Answers(trial.receiver, Rules(a_day=None))
    trial.run([Photo(moved(first, rng)), Photo(moved(first, rng))])
    kinds = [step.details["kind"] for step in trial.steps if step.what == "photo"]
    assert kinds == ["image", "difference", "difference"]
    assert [step.details["frame"] for step in trial.steps if step.what == "whole"] == [1]
    assert set(trial.receiver.tally.rejected) == {"reference"}
    assert trial.frames[1].whole and trial.frames[1].assembly.reference is None
    meant = zoo_model.binding.latent_values(trial.node.symbols)
    np.testing.assert_array_equal(trial.frames[2].assembly.latent()[0], meant)


def test_the_command_says_what_was_saved(tmp_path) -> None:
    photo = Image.open(sample_photos()["cat"]).convert("RGB")
    names = []
    for number in range(3):
        seen = photo.copy()
        seen.paste((200, 40, 40), (20 * number, 30, 20 * number + 40, 90))
        names.append(str(tmp_path / f"{number}.png"))
        seen.save(names[-1])
    place = tmp_path / "numbers.json"
    words = ["--model", "mcucoder", "--region", "US915", "--dr", "3", "--prior", "--parity", "1", "--compare"]
    result = CliRunner().invoke(app, ["trial", *names, *words, "--json", str(place)])
    assert result.exit_code == 0, result.output
    numbers = json.loads(place.read_text())
    assert [row["kind"] for row in numbers["photos"]] == ["image", "difference", "difference"]
    assert numbers["uplink_bytes"] < 0.8 * numbers["without"]["uplink_bytes"]
    assert abs(numbers["ms_ssim"] - numbers["without"]["ms_ssim"]) < 0.03
    assert sum(row["bytes"] for row in numbers["photos"]) == numbers["uplink_bytes"]
    assert "without prior and parity" in result.output
