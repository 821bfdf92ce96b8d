# SPDX-License-Identifier: Apache-2.0
"""How a RAK3172 speaks (RAKwireless, "RUI3 AT Command Manual")."""

import math
import re
from collections.abc import Callable

from glimpse.modem.air import Answer
from glimpse.modem.emulator import EmulatedModem, Refusal

BANNER = ("RAKwireless RAK3172 Example", "-" * 54, "Current Work Mode: LoRaWAN.")


class Rak3172:
    """The commands that a node needs; `AT_COMMAND_NOT_FOUND` for all others."""

    name = "rak3172"

    def __init__(self, modem: EmulatedModem) -> None:
        self.modem = modem
        self.ids = {"DEVEUI": "0" * 16, "APPEUI": "0" * 16, "APPKEY": "0" * 32}
        self.settings: dict[str, tuple[Callable[[], int], Callable[[int], bool]]] = {
            "NWM": (lambda: 1, lambda value: value == 1),
            "NJM": (lambda: 1, lambda value: value == 1),
            "NJS": (lambda: int(modem.joined), lambda value: False),
            "ADR": (lambda: int(modem.adaptive), self._set_adaptive),
            "CFM": (lambda: int(modem.confirmed), self._set_confirmed),
            "DR": (lambda: modem.data_rate, modem.set_rate),
            "BAND": (lambda: modem.region.number, lambda value: value == modem.region.number),
        }

    def _set_adaptive(self, value: int) -> bool:
        self.modem.adaptive = value == 1
        return value in (0, 1)

    def _set_confirmed(self, value: int) -> bool:
        self.modem.confirmed = value == 1
        return value in (0, 1)

    def started(self) -> None:
        """The banner."""
        self.modem.say(*BANNER)

    def _status(self, status: str = "OK") -> None:
        self.modem.say("", status)

    def command(self, line: str) -> None:
        """One line that was typed."""
        if line.upper() == "AT":
            self._status()
        elif line.upper() == "ATZ":
            self.modem.reset(self.modem.now)
        elif match := re.fullmatch(r"AT\+(\w+)(?:=(.*))?", line, re.IGNORECASE):
            self._run(match[1].upper(), match[2])
        else:
            self._status("AT_COMMAND_NOT_FOUND")

    def _run(self, name: str, value: str | None) -> None:
        if name == "JOIN":
            self._join(value)
        elif name == "SEND":
            self._send(value or "")
        elif name == "CLASS":
            self._answer(name, value, "A", lambda text: text.upper() == "A")
        elif name in self.ids:
            self._answer(name, value, self.ids[name], lambda text: self._identify(name, text))
        elif name in self.settings:
            get, put = self.settings[name]
            self._answer(name, value, str(get()), lambda text: text.isdecimal() and len(text) < 4 and put(int(text)))
        else:
            self._status("AT_COMMAND_NOT_FOUND")

    def _answer(self, name: str, value: str | None, now: str, put: Callable[[str], bool]) -> None:
        if value in (None, "?"):
            self.modem.say(f"AT+{name}={now}")
            self._status()
        else:
            self._status("OK" if put(value) else "AT_PARAM_ERROR")

    def _identify(self, name: str, text: str) -> bool:
        if not re.fullmatch(f"[0-9A-Fa-f]{{{len(self.ids[name])}}}", text):
            return False
        self.ids[name] = text if name != "APPKEY" else "0" * 32  # a key is kept nowhere
        return True

    # ---- the air

    def _join(self, value: str | None) -> None:
        if value is not None and not re.fullmatch(r"[01](:[01](:\d{1,3}(:\d{1,3})?)?)?", value):
            self._status("AT_PARAM_ERROR")
            return
        if value is not None and value.startswith("0"):
            self._status()
            return
        if not self.modem.busy:
            self.modem.joined = False  # joining ends the session that there was
        refusal = self.modem.join(self._joined)
        if refusal is None:
            self._status()
        else:
            self._refused(refusal)

    def _joined(self, heard: bool) -> None:
        self.modem.say("+EVT:JOINED" if heard else "+EVT:JOIN_FAILED_RX_TIMEOUT")

    def _send(self, value: str) -> None:
        port, _, digits = value.partition(":")
        if not (port.isdecimal() and 1 <= int(port) <= 223 and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", digits)):
            self._status("AT_PARAM_ERROR")
            return
        refusal = self.modem.send(int(port), bytes.fromhex(digits), self._sent, confirmed=self.modem.confirmed)
        if refusal is None:
            self._status()
        elif refusal.reason == "too long":
            # What does not fit is refused, and an empty frame takes the MAC commands away that were in the way.
            self.modem.send(0, b"", self._sent)
            self._status("AT_PARAM_ERROR")
        else:
            self._refused(refusal)

    def _sent(self, answer: Answer | None) -> None:
        if self.modem.confirmed:
            told = answer is not None and answer.acknowledged
            self.modem.say(f"+EVT:SEND_CONFIRMED_{'OK' if told else 'FAILED(4)'}")
        else:
            self.modem.say("+EVT:TX_DONE")
        if answer is not None and answer.payload:
            air = self.modem.air
            signal = f"{air.noise(-120, -60)}:{air.noise(-8, 9)}"
            self.modem.say(f"+EVT:RX_1:{signal}:UNICAST:{answer.port}:{answer.payload.hex()}")

    def _refused(self, refusal: Refusal) -> None:
        if refusal.reason == "duty":
            self.modem.say(f"Restricted_Wait_{math.ceil(1000 * refusal.wait)}_ms")
        self._status("AT_NO_NETWORK_JOINED" if refusal.reason == "not joined" else "AT_BUSY_ERROR")
