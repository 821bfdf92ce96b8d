# SPDX-License-Identifier: Apache-2.0
"""The K210's modem driver does what the C one does, word for word; and a photo goes through an emulated modem."""

import json
import threading
import time
from random import Random

import pytest
from glimpse import zoo
from glimpse.binding.link import AtModem
from glimpse.glp import read_packets
from glimpse.modem.air import Air
from glimpse.modem.e5 import E5
from glimpse.modem.emulator import EmulatedModem
from glimpse.modem.line import PtyModem
from glimpse.modem.radio import find_region
from glimpse.modem.rak3172 import Rak3172
from glimpse.reassemble import Assembly
from glimpse.targets.k210 import K210Node, run_script
from support.micropython import needs_micropython

pytestmark = needs_micropython

# Plays a script of steps to the driver and says what it did: [bytes written, events] for each.
PLAY = """
from ujson import dumps, loads
from ubinascii import hexlify, unhexlify
import glimpse_modem as link
from glimpse_dialects import BY_NUMBER

KINDS = ("", "ready", "sent", "acknowledged", "failed", "downlink", "joined", "lost")
REASONS = ("", "too long", "busy", "not joined", "restarted", "silent", "refused")


class Line:
    def __init__(self):
        self.coming = b""
        self.said = b""

    def any(self):
        return len(self.coming)

    def readinto(self, buffer, count):
        buffer[:count] = self.coming[:count]
        self.coming = self.coming[count:]
        return count

    def write(self, data):
        self.said += data


def told(event):
    kind, reason, more = event
    if kind == link.DOWNLINK:
        return ["downlink", reason, hexlify(more).decode()]
    return [KINDS[kind], REASONS[reason], more]


with open("script.json") as file:
    plays = loads(file.read())
with open("told.json", "w") as out:
    for play in plays:
        line, now, done = Line(), play["now"], []
        modem = link.Modem(
            BY_NUMBER[play["dialect"]], line, play["port"], play["data_rate"], play["adaptive"], play["confirmed"],
            play["seed"], now
        )
        for ahead, text, packet in play["steps"]:
            now = (now + ahead) & 0x3FFFFFFF
            line.coming += text.encode()
            if packet:
                modem.send(now, unhexlify(packet))
            events = []
            event = modem.poll(now)
            while event is not None:
                events.append(told(event))
                event = modem.poll(now)
            done.append([line.said.decode(), events, modem.payload()])
            line.said = b""
        out.write(dumps(done) + "\\n")
"""

E5_LINES = (
    "+AT: OK", "+MODE: LWOTAA", "+CLASS: A", "+ADR: ON", "+DR: DR3", "+PORT: 8", "+ADR: ERROR(-1)", "+DR: ERROR(-1)",
    "+JOIN: Start", "+JOIN: NORMAL", "+JOIN: Network joined", "+JOIN: NetID 000013 DevAddr 26:01:5F:66",
    "+JOIN: Joined already", "+JOIN: Join failed", "+JOIN: Done", "+JOIN: Not in OTAA mode",
    "+JOIN: LoRaWAN modem is busy",
    "+JOIN: No band in 15000ms", "+LW: LEN, 115", "+LW: LEN, 11", "+LW: LEN, 8", "+LW: LEN, 242",
    "+LW: LEN, 9999999999",
    "+MSGHEX: Start", "+MSGHEX: Done", "+CMSGHEX: Start", "+CMSGHEX: Wait ACK", "+CMSGHEX: ACK Received",
    "+CMSGHEX: Done", "+MSGHEX: FPENDING", '+MSGHEX: PORT: 15; RX: "48656C6C6F"', '+MSGHEX: PORT: 300; RX: "48"',
    '+MSGHEX: PORT: 5; RX: "4 8"', '+MSGHEX: PORT: 5; RX: "48 65"', '+MSGHEX: PORT: 5; RX: ""',
    "+MSGHEX: RXWIN1, RSSI -43, SNR 10.0", "+MSGHEX: LoRaWAN modem is busy", "+MSGHEX: No free channel",
    "+MSGHEX: No band in 250000ms", "+MSGHEX: No band in 0ms", "+MSGHEX: DR error", "+MSGHEX: Length error 20",
    "+MSGHEX: Length error", "+MSGHEX: Please join network first", "+MSGHEX: ERROR(-1)", "+RESET: OK", "x" * 600, "+",
)  # fmt: skip
RAK_LINES = (
    "OK", "AT_ERROR", "AT_PARAM_ERROR", "AT_BUSY_ERROR", "AT_DUTYCYCLE_RESTRICTED", "AT_NO_NETWORK_JOINED",
    "Restricted_Wait_4200_ms", "AT+NJS=1", "AT+NJS=0", "AT+BAND=4", "AT+BAND=5", "AT+BAND=9", "AT+DR=0", "AT+DR=3",
    "AT+DR=12", "+EVT:JOINED", "+EVT:JOIN_FAILED_RX_TIMEOUT", "+EVT:JOIN FAILED", "+EVT:TX_DONE",
    "+EVT:SEND_CONFIRMED_OK",
    "+EVT:SEND_CONFIRMED_FAILED(4)", "+EVT:RX_1:-43:10:UNICAST:15:48656C6C6F", "+EVT:RX_C:-99:-7:UNICAST:0:00",
    "+EVT:RX_1:-43:10:UNICAST:15:4865z", "Current Work Mode: LoRaWAN.", "", "%s%d", "x" * 600,
)  # fmt: skip
# What a modem in good order answers.
SENSIBLE = {
    1: {
        "AT\r": ["+AT: OK"], "AT+MODE": ["+MODE: LWOTAA"], "AT+CLASS": ["+CLASS: A"], "AT+ADR": ["+ADR: ON"],
        "AT+DR": ["+DR: DR3"], "AT+PORT": ["+PORT: 8"], "AT+JOIN": ["+JOIN: Network joined", "+JOIN: Done"],
        "AT+LW": ["+LW: LEN, 115"], "AT+MSG": ["+MSGHEX: Start", "+MSGHEX: Done"],
        "AT+CMSG": ["+CMSGHEX: Start", "+CMSGHEX: ACK Received", "+CMSGHEX: Done"],
    },
    2: {
        "AT+BAND": ["AT+BAND=4", "OK"], "AT+DR=?": ["AT+DR=3", "OK"], "AT+NJS": ["AT+NJS=1", "OK"],
        "AT+JOIN": ["OK", "+EVT:JOINED"], "AT+SEND": ["OK", "+EVT:TX_DONE"], "AT": ["OK"],
    },
}  # fmt: skip


class Tape:
    """The C driver's line: what it says is kept, what it hears comes from the script."""

    def __init__(self):
        self.coming = self.said = b""

    def receive(self, capacity):
        data, self.coming = self.coming[:capacity], self.coming[capacity:]
        return data

    def transmit(self, data):
        self.said += data
        return len(data)


def play(seed):
    """A random evening with a modem, as the C driver lives it: the script, and what it did."""
    random = Random(seed)
    dialect = 1 + seed % 2
    options = {"port": random.randint(1, 223), "adaptive": random.random() < 0.5, "confirmed": random.random() < 0.3}
    options |= {"seed": random.getrandbits(32), "data_rate": random.choice([None, 0, 5])}
    now = random.randrange(1 << 20)
    script = {"dialect": dialect, "now": now, "steps": [], **options}
    script["data_rate"] = 255 if options["data_rate"] is None else options["data_rate"]
    tape, answers, done = Tape(), [], []
    modem = AtModem(tape, ("e5", "rak3172")[dialect - 1], now / 1000, **options)
    sensible = random.random() * 0.9
    for _ in range(150):
        ahead = random.choice([1, 30, 30, 30, 500, 3000, 6000, 70000]) if not answers else random.choice([1, 20, 500])
        if random.random() < 0.02:
            ahead, answers = 200_000, []  # it has fallen silent
        now += ahead
        text = packet = ""
        if modem.payload and random.random() < 0.8:
            packet = random.randbytes(random.randint(1, modem.payload)).hex()
            modem.send(now / 1000, bytes.fromhex(packet))
        elif answers and random.random() < sensible:
            text = answers.pop(0) + "\r\n"
        elif random.random() < 0.6:
            text = random.choice((E5_LINES, RAK_LINES)[dialect - 1]) + random.choice(["\r\n", "\n"])
        tape.coming += text.encode()
        events = []
        while (event := modem.poll(now / 1000)) is not None:
            more = event.data.hex() if event.kind == "downlink" else round(event.wait * 1000)
            events.append([event.kind.value, event.port or event.reason, more])
        said, tape.said = tape.said.decode(), b""
        if said:
            answers = next(
                (list(v) for k, v in SENSIBLE[dialect].items() if said.rpartition("AT")[1:] and k in said), []
            )
        script["steps"].append([ahead, text, packet])
        done.append([said, events, modem.payload])
    return script, done


def test_it_lives_every_evening_as_the_c_driver_does():
    plays = [play(seed) for seed in range(40)]
    told, _ = run_script(PLAY, {"script.json": json.dumps([script for script, _ in plays]).encode()}, ["told.json"])
    seen = set()
    for (script, expected), line in zip(plays, told.decode().splitlines(), strict=True):
        for number, (wanted, got) in enumerate(zip(expected, json.loads(line), strict=True)):
            assert got == wanted, (script["dialect"], number, script["steps"][max(number - 5, 0) : number + 1])
        seen |= {(event[0], event[1] if isinstance(event[1], str) else "") for step in expected for event in step[1]}
    kinds = {kind for kind, _ in seen}
    assert kinds == {"ready", "sent", "acknowledged", "failed", "downlink", "joined", "lost"}
    assert {reason for kind, reason in seen if kind in ("failed", "lost")} >= {"too long", "busy", "silent", "refused"}


def wait_for_card(card, model):
    """The packets of the first frame on the card, once it is whole: a packet is kept when its transmission is over."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        packets = read_packets(min(card.glob("*.glp"))).packets
        assembly = Assembly(model)
        for packet in packets:
            assembly.add(packet)
        if assembly.symbols_received == model.binding.symbol_count:
            return packets
        time.sleep(0.05)
    raise AssertionError("the card has not all packets")


@pytest.mark.parametrize("dialect", [E5, Rak3172])
def test_a_photo_through_a_modem(tmp_path, dialect):
    """The node takes a photo by its period and sends it; what leaves is on its card, what arrives makes the picture."""
    model = zoo.load("starfish")
    whole = threading.Event()
    assembly = Assembly(model)

    def take(uplink):
        assembly.add(uplink.payload)
        if assembly.symbols_received == model.binding.symbol_count:
            whole.set()

    air = Air(seed=3, deliver=take)
    emulated = EmulatedModem(dialect, find_region("US915"), air, data_rate=4, keep_duty=False)
    terminal = PtyModem(emulated, speed=200.0)
    stopped = threading.Event()
    worker = threading.Thread(target=terminal.run, args=(stopped.is_set,), daemon=True)
    worker.start()
    disk, card = tmp_path / "flash", tmp_path / "sd"
    card.mkdir()
    disk.mkdir()
    (disk / "settings.json").write_text(json.dumps({"period": 86400, "payload": 200}))
    try:
        with K210Node(model, disk, card, modem=terminal.path) as node:
            node.set_modem(dialect.name, region="US915", data_rate=4, adaptive=False, pattern=True)
            assert whole.wait(30), (assembly.symbols_received, emulated.refused)
            left = wait_for_card(card, model)
            expected = node.capture(None, pattern=True, payload=200).packets
            assert node.health().next_frame == 1
    finally:
        stopped.set()
        worker.join(timeout=5)
        terminal.close()
    assert left == expected  # frame 0 both times
