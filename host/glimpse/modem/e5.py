# SPDX-License-Identifier: Apache-2.0
"""How a LoRa-E5 speaks (Seeed Technology, "LoRa-E5 AT Command Specification", V1.0)."""

import math
import re

from glimpse.modem.air import Answer
from glimpse.modem.emulator import EmulatedModem, Refusal

BAD_PARAMETER, UNKNOWN = -1, -10  # section 2.4


class E5:
    """The commands that a node needs; `ERROR(-10)` for all others."""

    name = "e5"

    def __init__(self, modem: EmulatedModem) -> None:
        self.modem = modem
        self.ids = {"DevAddr": "00000000", "DevEui": "0" * 16, "AppEui": "0" * 16}

    def started(self) -> None:
        """It says nothing when it starts."""

    def command(self, line: str) -> None:
        """One line that was typed."""
        match = re.fullmatch(r"AT(?:\+(\w+)(?:=(.*))?)?", line, re.IGNORECASE)
        if not match:
            self.modem.say(f"+AT: ERROR({UNKNOWN})")
            return
        name, value = (match[1] or "AT").upper(), match[2]
        action = getattr(self, f"_{name.lower()}", None)
        if action is None:
            self.modem.say(f"+{name}: ERROR({UNKNOWN})")
        else:
            action((value or "").strip())

    def _error(self, name: str) -> None:
        self.modem.say(f"+{name}: ERROR({BAD_PARAMETER})")

    # ---- settings

    def _at(self, _: str) -> None:
        self.modem.say("+AT: OK")

    def _ver(self, _: str) -> None:
        self.modem.say("+VER: 4.0.11")

    def _reset(self, _: str) -> None:
        self.modem.say("+RESET: OK")
        self.modem.reset(self.modem.now)

    def _mode(self, value: str) -> None:
        if value.upper() in ("LWOTAA", ""):
            self.modem.say("+MODE: LWOTAA")
        else:
            self._error("MODE")

    def _class(self, value: str) -> None:
        if value.upper() in ("A", ""):
            self.modem.say("+CLASS: A")
        else:
            self._error("CLASS")

    def _adr(self, value: str) -> None:
        if value.upper() in ("ON", "OFF"):
            self.modem.adaptive = value.upper() == "ON"
        elif value:
            self._error("ADR")
            return
        self.modem.say(f"+ADR: {'ON' if self.modem.adaptive else 'OFF'}")

    def _dr(self, value: str) -> None:
        region = self.modem.region
        if value.upper() == region.name:
            self.modem.say(f"+DR: {region.name}")
            return
        number = re.fullmatch(r"(?:DR)?(\d{1,2})", value, re.IGNORECASE)
        if value and not (number and self.modem.set_rate(int(number[1]))):
            self._error("DR")
            return
        rate = region.rates[self.modem.data_rate]
        how = f"SF{rate.spreading} BW{rate.bandwidth // 1000}K" if rate.spreading else "FSK 50kbps"
        self.modem.say(f"+DR: DR{self.modem.data_rate}", f"+DR: {region.name} DR{self.modem.data_rate}  {how}")

    def _port(self, value: str) -> None:
        if value.isdecimal() and 1 <= int(value) <= 223:
            self.modem.port = int(value)
        elif value:
            self._error("PORT")
            return
        self.modem.say(f"+PORT: {self.modem.port}")

    def _id(self, value: str) -> None:
        name, _, digits = value.partition(",")
        known = {key.lower(): key for key in self.ids}
        digits = digits.strip().strip('"').replace(":", "").replace(" ", "")
        if value and (name.lower() not in known or not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", digits)):
            self._error("ID")
            return
        if value:
            self.ids[known[name.lower()]] = digits
        for key in [known[name.lower()]] if value else self.ids:
            self.modem.say(f"+ID: {key}, {':'.join(re.findall('..', self.ids[key]))}")

    def _key(self, value: str) -> None:
        name, _, key = value.partition(",")
        key = key.strip().strip('"').replace(" ", "")
        if name.upper() != "APPKEY" or not re.fullmatch(r"[0-9A-Fa-f]{32}", key):
            self._error("KEY")
            return
        self.modem.say(f"+KEY: APPKEY {key}")  # as the real one does; it is kept nowhere

    def _lw(self, value: str) -> None:
        if value.upper() == "LEN":
            self.modem.say(f"+LW: LEN, {self.modem.limit}")
        else:
            self._error("LW")

    # ---- the air

    def _join(self, value: str) -> None:
        if self.modem.joined and value.upper() != "FORCE":
            self.modem.say("+JOIN: Joined already")
            return
        refusal = self.modem.join(self._joined)
        if refusal is None:
            self.modem.say("+JOIN: Start", "+JOIN: NORMAL")
        else:
            self._refused("JOIN", refusal)

    def _joined(self, heard: bool) -> None:
        if heard:
            self.modem.say("+JOIN: Network joined", "+JOIN: NetID 000013 DevAddr 26:01:5F:66")
        else:
            self.modem.say("+JOIN: Join failed")
        self.modem.say("+JOIN: Done")

    def _msghex(self, value: str) -> None:
        self._send("MSGHEX", value, confirmed=False)

    def _cmsghex(self, value: str) -> None:
        self._send("CMSGHEX", value, confirmed=True)

    def _send(self, name: str, value: str, *, confirmed: bool) -> None:
        digits = value.strip('"').replace(" ", "")
        if len(digits) % 2 or not re.fullmatch(r"[0-9A-Fa-f]*", digits):
            self._error(name)
            return
        payload = bytes.fromhex(digits)
        refusal = self.modem.send(
            self.modem.port if payload else 0,
            payload,
            lambda answer: self._sent(name, answer),
            confirmed=confirmed,
        )
        if refusal is None:
            self.modem.say(f"+{name}: Start", *([f"+{name}: Wait ACK"] if confirmed else []))
        else:
            self._refused(name, refusal)

    def _sent(self, name: str, answer: Answer | None) -> None:
        if answer is not None:
            if answer.pending:
                self.modem.say(f"+{name}: FPENDING")
            if answer.acknowledged:
                self.modem.say(f"+{name}: ACK Received")
            if answer.payload:
                self.modem.say(f'+{name}: PORT: {answer.port}; RX: "{answer.payload.hex().upper()}"')
            air = self.modem.air
            self.modem.say(f"+{name}: RXWIN1, RSSI {air.noise(-120, -60)}, SNR {air.noise(-80, 90) / 10}")
        self.modem.say(f"+{name}: Done")

    def _refused(self, name: str, refusal: Refusal) -> None:
        why = {
            "busy": "LoRaWAN modem is busy",
            "not joined": "Please join network first",
            "too long": f"Length error {refusal.limit}",
            "duty": f"No band in {math.ceil(1000 * refusal.wait)}ms",
        }
        self.modem.say(f"+{name}: {why[refusal.reason]}")
