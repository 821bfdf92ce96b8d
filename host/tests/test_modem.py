# SPDX-License-Identifier: Apache-2.0
"""A frame through the node's own driver and an emulated modem, in virtual time; and the emulation itself."""

import re

import numpy as np
import pytest
from glimpse import zoo
from glimpse.binding import read_header
from glimpse.binding.link import AtModem, Cutter, Event, Kind, SerialLink
from glimpse.errors import GlimpseError, UsageError
from glimpse.modem.air import Air, Uplink
from glimpse.modem.e5 import E5
from glimpse.modem.emulator import EmulatedModem
from glimpse.modem.line import VirtualLine
from glimpse.modem.radio import LORAWAN_OVERHEAD, REGIONS, Rate, airtime, find_region
from glimpse.modem.rak3172 import Rak3172
from glimpse.reassemble import Assembly
from glimpse.uplink import Sender
from hypothesis import given, settings
from hypothesis import strategies as st

MODEL = zoo.load()
DIALECTS = {"e5": E5, "rak3172": Rak3172}
EU868, US915 = REGIONS["EU868"], REGIONS["US915"]
SYMBOLS = np.random.default_rng(1).integers(0, MODEL.binding.levels, MODEL.binding.latent_shape).astype(np.uint8)


class Journey:
    """One frame's way: what the driver told, what the network received."""

    def __init__(self, dialect, region=EU868, *, rate=3, budget=None, at=None, **air):
        self.received: list[Uplink] = []
        self.events: list[tuple[float, Event]] = []
        self.air = Air(deliver=self.received.append, **air)
        self.modem = EmulatedModem(DIALECTS[dialect], region, self.air, data_rate=0)
        self.line = VirtualLine(self.modem)
        self.link = AtModem(self.line, dialect, data_rate=rate)
        cutter = Cutter(MODEL.binding, SYMBOLS, 7, "raw")
        self.sender = Sender(self.link, cutter, budget=budget, told=lambda e: self.tell(e, at or {}))

    def tell(self, event, at):
        """Notes an event; after so many packets, does something to the modem."""
        self.events.append((self.line.now, event))
        if event.kind in (Kind.SENT, Kind.ACKNOWLEDGED):
            at.pop(len(self.sender.sent.packets), lambda journey: None)(self)

    def run(self, **how):
        return self.sender.run(self.line, **how)

    def assembly(self):
        assembly = Assembly(MODEL)
        for uplink in self.received:
            assembly.add(uplink.payload)
        return assembly


def check_limits(journey):
    """What arrived kept to its data rate's payload."""
    for uplink in journey.received:
        assert len(uplink.payload) <= journey.modem.region.rates[uplink.data_rate].payload


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_frame_through_a_lossy_air(dialect):
    journey = Journey(dialect, loss=0.2, seed=3)
    journey.air.downlinks.append((5, b"\x01\x02"))
    sent = journey.run()
    assert sent.finished and sent.joins >= 1 and sent.downlinks == [(5, b"\x01\x02")]
    assembly = journey.assembly()
    assert assembly.used == len(journey.received) and not assembly.rejected
    lost = 1 - len(journey.received) / len(sent.packets)
    assert 0.05 < lost < 0.4
    mask = assembly.latent()[1]
    assert mask.sum() == assembly.symbols_received > 0.5 * MODEL.binding.symbol_count
    check_limits(journey)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_without_loss_every_symbol_arrives_though_the_modem_refuses_and_changes_its_rate(dialect):
    """Refusals (duty cycle, room for MAC commands) and smaller payloads: a packet that did not leave is cut again."""
    journey = Journey(dialect, rate_changes={8: 0, 16: 2, 24: 5})
    sent = journey.run()
    assert sent.failed["busy"] > 10
    assert {uplink.data_rate for uplink in journey.received} == {3, 0, 2, 5}
    assert [uplink.payload for uplink in journey.received] == sent.packets
    assert journey.assembly().symbols_received == MODEL.binding.symbol_count
    np.testing.assert_array_equal(journey.assembly().latent()[0], MODEL.binding.latent_values(SYMBOLS))
    check_limits(journey)
    starts = [read_header(packet).first for packet in sent.packets]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_duty_cycle_is_kept_and_waited_for(dialect):
    journey = Journey(dialect, rate=0, budget=1000)
    sent = journey.run()
    assert sent.size > 989 and sent.failed["busy"] >= len(sent.packets) - 3
    # Two sub-bands of 1 %, and in each the last packet, whose rest is not over; the modem used nearly all of that.
    last = airtime(EU868.rates[0], 51 + LORAWAN_OVERHEAD)
    assert 0.015 * journey.line.now < journey.modem.airtime < 2 * (0.01 * journey.line.now + last)
    waits = [event.wait for _, event in journey.events if event.kind is Kind.FAILED]
    assert all(0 < wait < 300 for wait in waits)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_modem_that_was_reset_is_joined_again(dialect):
    journey = Journey(dialect, US915, at={5: lambda j: j.modem.reset(j.line.now)})
    sent = journey.run()
    assert sent.joins == 2 and sum(sent.losses.values()) == 1
    assert journey.assembly().symbols_received == MODEL.binding.symbol_count


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_modem_that_goes_away_is_missed_and_found_again(dialect):
    journey = Journey(dialect, US915, at={5: lambda j: j.modem.reset(j.line.now, off=200)})
    sent = journey.run()
    assert sent.joins == 2 and journey.link.counters["timeouts"] >= 3
    assert sent.failed["silent"] + sent.losses["silent"] + sent.losses["not joined"] + sent.losses["restarted"] >= 1
    assert journey.assembly().symbols_received == MODEL.binding.symbol_count


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nobody_hears_the_join_until_the_patience_ends(dialect):
    journey = Journey(dialect, loss=1.0)
    with pytest.raises(GlimpseError, match="no network was found; check keys"):
        journey.run(patience=3600)
    assert journey.sender.sent.packets == [] and journey.line.now >= 3600
    assert journey.air.lost < 12  # join requests back off


def test_acknowledged_packets_are_told():
    journey = Journey("rak3172", US915, loss=0.3, seed=5, budget=2000)
    journey.link = journey.sender.link = AtModem(journey.line, "rak3172", data_rate=3, confirmed=True)
    sent = journey.run()
    assert 0 < sent.acknowledged < len(sent.packets)
    assert sent.acknowledged <= len(journey.received)


def test_damaged_payloads_arrive_and_are_rejected():
    journey = Journey("e5", US915, damage=0.5, seed=2)
    journey.run()
    assembly = journey.assembly()
    assert journey.air.damaged > 3
    assert sum(assembly.rejected.values()) == journey.air.damaged
    assert assembly.used == len(journey.received) - journey.air.damaged


def test_the_smallest_data_rate_of_all_sends_though_mac_commands_take_its_room():
    journey = Journey("e5", US915, rate=0, budget=200, rate_changes={4: 0})
    sent = journey.run()
    assert len(sent.packets) == 200 // 11
    assert all(len(packet) <= 11 for packet in sent.packets)
    assert journey.air.uplinks == len(sent.packets) + 1  # one more without payload took the MAC commands away


# ---- the emulation


def test_airtime_is_that_of_published_tables():
    """Starfish, Table 1: packets of 2500 bytes, payload each, seconds; EU868's 12 packets an hour at SF12."""
    for spreading, bandwidth, payload, count, seconds in (
        (7, 125_000, 242, 11, 4.396),
        (7, 250_000, 242, 11, 2.198),
        (9, 125_000, 115, 22, 14.891),
        (8, 125_000, 242, 11, 7.778),
    ):
        rate = Rate(payload, spreading, bandwidth)
        assert count * airtime(rate, payload + LORAWAN_OVERHEAD) == pytest.approx(seconds, rel=1e-3)
    assert 36 // airtime(EU868.rates[0], 51 + LORAWAN_OVERHEAD) == 12


def test_a_region_that_is_not_there():
    assert find_region("eu868") is EU868
    with pytest.raises(UsageError, match="no region MARS; there are EU868"):
        find_region("MARS")


def talk(dialect, *commands, region=EU868, settle=30.0, **air):
    """What a modem answers to lines typed one after another."""
    modem = EmulatedModem(DIALECTS[dialect], region, Air(**air))
    now, said = 0.0, []
    for command in commands:
        modem.feed(now, command.encode() + b"\r\n")
        now += settle
        said.append(modem.take(now).decode().split())
    return [" ".join(words) for words in said]


def test_an_e5_answers_as_documented():
    joined = "+JOIN: Start +JOIN: NORMAL +JOIN: Network joined +JOIN: NetID 000013 DevAddr 26:01:5F:66 +JOIN: Done"
    said = talk(
        "e5",
        "AT+MSGHEX=01",
        "AT+DR=3",
        "AT+JOIN",
        "AT+JOIN",
        "AT+LW=LEN",
        f"AT+MSGHEX={'00' * 116}",
        'AT+CMSGHEX="01 02"',
        "AT+DR=9",
        "AT+NONSENSE",
        "hello",
    )
    assert said[:6] == [
        "+MSGHEX: Please join network first",
        "+DR: DR3 +DR: EU868 DR3 SF9 BW125K",
        joined,
        "+JOIN: Joined already",
        "+LW: LEN, 115",
        "+MSGHEX: Length error 115",
    ]
    acknowledged = r"\+CMSGHEX: Start \+CMSGHEX: Wait ACK \+CMSGHEX: ACK Received \+CMSGHEX: RXWIN1, RSSI -\d+, SNR .*"
    assert re.fullmatch(acknowledged + r" \+CMSGHEX: Done", said[6])
    assert said[7:] == ["+DR: ERROR(-1)", "+NONSENSE: ERROR(-10)", "+AT: ERROR(-10)"]


def test_a_rak3172_answers_as_documented():
    said = talk(
        "rak3172",
        "AT+SEND=2:01",
        "AT+JOIN=1:0:8:0",
        "AT+NJS=?",
        "AT+BAND=?",
        "AT+SEND=2:0102",
        "AT+SEND=0:01",
        "AT+DR=9",
        "AT+WHAT",
        "ATZ",
    )
    banner = f"RAKwireless RAK3172 Example {'-' * 54} Current Work Mode: LoRaWAN."
    assert said == [
        "AT_NO_NETWORK_JOINED",
        "OK +EVT:JOINED",
        "AT+NJS=1 OK",
        "AT+BAND=4 OK",
        "OK +EVT:TX_DONE",
        "AT_PARAM_ERROR",
        "AT_PARAM_ERROR",
        "AT_COMMAND_NOT_FOUND",
        banner,
    ]


def test_keys_are_taken_and_told_to_nobody_else(capfd):
    key = "00112233445566778899AABBCCDDEEFF"
    (said,) = talk("rak3172", f"AT+APPKEY={key}")
    assert said == "OK"
    assert talk("rak3172", f"AT+APPKEY={key}", "AT+APPKEY=?")[1] == f"AT+APPKEY={'0' * 32} OK"
    (said,) = talk("e5", f'AT+KEY=APPKEY,"{key}"')
    assert said == f"+KEY: APPKEY {key}"  # the real one repeats it too
    assert capfd.readouterr() == ("", "")


def test_a_band_that_was_used_rests():
    sent = ["AT+MSGHEX=" + "00" * 51] * 3
    said = talk("e5", "AT+JOIN", *sent, settle=10.0)
    assert said[1].endswith("Done")
    assert re.fullmatch(r"\+MSGHEX: No band in 1\d{5}ms", said[2])
    rested = talk("e5", "AT+JOIN", *sent, settle=300.0)
    assert all(text.endswith("Done") for text in rested)
    free = talk("e5", "AT+JOIN", *sent, settle=10.0, region=US915)  # no duty cycle; 51 bytes are too many at rate 0
    assert free[2] == "+MSGHEX: Length error 11"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(DIALECTS)), st.lists(st.binary(max_size=40), max_size=12))
def test_whatever_is_typed_is_answered_or_ignored(dialect, pieces):
    modem = EmulatedModem(DIALECTS[dialect], EU868, Air())
    for now, piece in enumerate(pieces):
        modem.feed(now, b"AT+" + piece + b"\r\n")
        modem.take(now + 0.5)
    modem.feed(100, b"\r\nAT\r\n")
    assert b"OK" in modem.take(200)


# ---- the binding


class Broken:
    """A line that fails."""

    def receive(self, capacity):
        raise OSError("unplugged")

    def transmit(self, data):
        return len(data)


def test_an_error_of_the_line_is_raised_where_the_link_was_called():
    for link in (AtModem(Broken(), "e5"), SerialLink(Broken())):
        with pytest.raises(OSError, match="unplugged"):
            while link.poll(0.0):
                pass


class Wire:
    """A wire to itself."""

    def __init__(self):
        self.bytes = bytearray()

    def receive(self, capacity):
        data = bytes(self.bytes[:capacity])
        del self.bytes[:capacity]
        return data

    def transmit(self, data):
        self.bytes += data
        return len(data)


def test_a_wire_carries_a_packet():
    link = SerialLink(Wire(), 51)
    assert link.payload == 51
    link.send(0.0, b"\x00packet\x00")
    kinds = []
    while event := link.poll(0.0):
        kinds.append(event.kind)
    assert kinds == [Kind.SENT, Kind.READY, Kind.DOWNLINK]
    with pytest.raises(GlimpseError, match="takes no packet of 60 bytes now"):
        link.send(0.0, bytes(60))
    with pytest.raises(GlimpseError, match="payload of 5 bytes"):
        SerialLink(Wire(), 5)


def test_parameters_of_a_modem_have_ranges():
    for options in ({"port": 0}, {"port": 224}, {"data_rate": 16}):
        with pytest.raises(GlimpseError, match="out of range"):
            AtModem(Wire(), "e5", **options)
    with pytest.raises(GlimpseError, match="no dialect hayes; there are e5 and rak3172"):
        AtModem(Wire(), "hayes")
    with pytest.raises(GlimpseError, match="frame 64"):
        Cutter(MODEL.binding, SYMBOLS, 64, "raw")
