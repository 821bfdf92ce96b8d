# SPDX-License-Identifier: Apache-2.0
"""Downlinks to a running node: applied once, together or not at all, remembered, answered."""

import struct

import pytest
from glimpse import binding, zoo
from glimpse.binding.control import (
    Answer,
    Downlink,
    Enough,
    MoreTo,
    Reboot,
    Set,
    Status,
    Unknown,
    merge_telemetry,
    read_downlink,
    write_downlink,
)
from glimpse.errors import GlimpseError
from support.nodes import ProgramNode
from support.wire_reference import crc16

DEFAULTS = {
    "period": 0,
    "deadline": 0,
    "crop": (0, 255, 0, 255),
    "budget": 0,
    "payload": 0,
    "channels": 0,
    "slot": 255,
    "prior": 0,
    "parity": 0,
    "parity_first": 0,
    "quiet": 0,
}


@pytest.fixture
def node(program, tmp_path):
    with ProgramNode(program, tmp_path) as running:
        yield running


def tell(node, sequence, *commands):
    return merge_telemetry(node.downlink(write_downlink(Downlink(sequence, commands))))


def status(node):
    return merge_telemetry(node.telemetry())


def with_body(sequence, body):
    """A downlink of any body, its check right."""
    message = (1 << 30 | sequence << 5 | 4 << 2).to_bytes(4, "big") + body
    return message + crc16(message).to_bytes(2, "big")


def test_a_fresh_node_reports_its_defaults_and_no_answer(node):
    report = status(node)
    model = zoo.load().binding
    assert report.settings == DEFAULTS
    assert (report.answer, report.model, report.skipped) == (None, model.id, 0)
    assert report.node == (1, model.revision, 0)


def test_telemetry_in_small_packets_says_the_same(node):
    small, whole = node.telemetry(11), node.telemetry(242)
    assert len(whole) == 1 and max(map(len, small)) <= 11
    first, second = merge_telemetry(small), merge_telemetry(whole)
    assert (first.settings, first.node) == (second.settings, second.node)
    assert second.number == len(small)


def test_settings_are_taken_and_kept_over_a_restart(program, tmp_path):
    wanted = {"period": 3600, "deadline": 900, "crop": (10, 200, 0, 255), "budget": 2000, "payload": 51, "channels": 4}
    with ProgramNode(program, tmp_path) as node:
        assert tell(node, 16383, Set(wanted)).answer == Answer(16383, "done")
    with ProgramNode(program, tmp_path) as node:
        report = status(node)
        assert report.settings == DEFAULTS | wanted
        assert report.answer == Answer(16383, "done")
        assert tell(node, 0, Set({"period": 0})).answer == Answer(0, "done")  # 0 follows 16383
        assert status(node).settings == DEFAULTS | wanted | {"period": 0}


def test_one_setting_out_of_range_refuses_them_all(node):
    good = write_downlink(Downlink(1, (Set({"period": 60, "budget": 500}),)))[4:-2]
    too_small = bytes((20 << 3 | 1, 10))
    for body in (good + too_small, too_small + good, bytes((31 << 3,)) + good + too_small):
        report = merge_telemetry(node.downlink(with_body(1, body)))
        assert report.answer == Answer(1, "range", 20)
        assert status(node).settings == DEFAULTS
        node.request("NODE_RESET")  # a refusal is not worth a write to flash: the number may be used again


def test_a_model_that_the_node_has_not_refuses_all_settings(node):
    for sequence, slot in enumerate((0, 1, 2, 254), start=1):
        answer = tell(node, sequence, Set({"period": 60, "slot": slot})).answer
        assert answer == Answer(sequence, "range", 22)
    assert status(node).settings == DEFAULTS
    assert node.identify().slot is None


def test_a_repeated_downlink_is_answered_again_and_not_done_again(node):
    first = write_downlink(Downlink(7, (Set({"period": 60}),)))
    assert merge_telemetry(node.downlink(first)).answer == Answer(7, "done")
    assert tell(node, 8, Set({"period": 120})).answer == Answer(8, "done")
    for late in (first, first):
        assert merge_telemetry(node.downlink(late)).answer == Answer(8, "done")
    assert status(node).settings["period"] == 120


def test_sequence_numbers_wrap(node):
    for step, sequence in enumerate((0, 8191, 16382, 16383, 0, 5, 8196), start=1):
        period = 10 * step
        assert tell(node, sequence, Set({"period": period})).answer == Answer(sequence, "done")
        assert status(node).settings["period"] == period
    assert tell(node, 4, Set({"period": 600})).answer == Answer(8196, "done")
    assert status(node).settings["period"] == 70


def test_reboots_once(node):
    reboot = write_downlink(Downlink(3, (Reboot(), Set({"channels": 2}))))
    assert merge_telemetry(node.downlink(reboot)).answer == Answer(3, "done")
    assert node.health().boots == 2
    assert merge_telemetry(node.downlink(reboot)).answer == Answer(3, "done")
    assert node.health().boots == 2
    assert status(node).settings["channels"] == 2


def test_unknown_commands_are_skipped_and_reported(node):
    body = bytes((30 << 3 | 2, 1, 2)) + write_downlink(Downlink(1, (Set({"period": 60}),)))[4:-2]
    report = merge_telemetry(node.downlink(with_body(1, body)))
    assert report.answer == Answer(1, "unknown", 30)
    assert status(node).settings["period"] == 60
    assert "command 30" in report.answer.sentence


def test_commands_for_a_frame_that_is_not_sent_are_reported(node):
    assert tell(node, 1, Enough()).answer == Answer(1, "frame", 2)
    assert tell(node, 2, MoreTo(5), Status()).settings == DEFAULTS
    assert status(node).answer == Answer(2, "frame", 4)


def test_what_is_no_downlink_is_refused_and_changes_nothing(node):
    sound = write_downlink(Downlink(1, (Set({"period": 60}),)))
    image = node.capture(None, pattern=True, budget=51).packets[0]
    for packet, why in (
        (b"", "too short"),
        (sound[:-1], "damaged"),
        (bytes([sound[0] ^ 1]) + sound[1:], "damaged"),
        (image, "kind"),
        (with_body(1, b""), "malformed"),
        (with_body(1, b"\x83\0\0"), "malformed"),
    ):
        with pytest.raises(GlimpseError, match=why):
            node.downlink(packet)
    with pytest.raises(GlimpseError, match="out of range"):
        node.downlink(sound, payload=10)
    assert status(node).settings == DEFAULTS
    assert status(node).answer is None


def test_quality_settings_rule_a_capture_that_leaves_it_to_them(node):
    model = zoo.load().binding
    tell(node, 1, Set({"payload": 33, "budget": 400}))
    done = captured(node)
    assert max(map(len, done)) <= 33 and 400 - 11 < sum(map(len, done)) <= 400
    tell(node, 2, Set({"payload": 0, "budget": 0, "channels": 3}))
    done = captured(node)
    three = model.symbol_count // model.latent_shape[2] * 3
    firsts = [binding.read_header(packet).first for packet in done]
    assert firsts[-1] < three and len(done) > 1
    assert max(map(len, done)) > 200
    assert status(node).trigger == 1


def captured(node):
    body = struct.pack(
        "<BBBBI", binding.protocol("NODE_SOURCE_PATTERN"), 1, 0, binding.protocol("NODE_OWN_SETTINGS"), 0
    )
    sequence = node.send("NODE_CAPTURE", body)
    packets = []
    while (message := node.receive(sequence, 60)).type == binding.protocol("NODE_PACKET"):
        packets.append(message.body)
    return packets


def test_malformed_values_are_skipped_and_reported(node):
    region_upside_down = bytes((5 << 3 | 4, 9, 3, 0, 1))
    report = merge_telemetry(node.downlink(with_body(1, region_upside_down)))
    assert report.answer == Answer(1, "malformed", 5)


def test_a_reader_keeps_what_it_does_not_know():
    value = b"\1\2"
    packet = with_body(9, bytes((30 << 3 | 2,)) + value)
    assert read_downlink(packet).commands == (Unknown(30, value),)
