# SPDX-License-Identifier: Apache-2.0
# A LoRaWAN modem that is driven by AT commands: a state machine, as firmware/link/at_modem.c. Nothing waits, every
# answer has a time limit, and whatever the modem says or does not say, the machine comes back to asking whether it is
# there. Keys and EUIs are in the modem already (docs/modem.md).
import glimpse_dialects as at
from glimpse_packer import MAX_PAYLOAD, MIN_PAYLOAD
from glimpse_text import command, scan
from utime import ticks_diff

KEEP_RATE = 255

# Events, each (kind, reason or port, milliseconds or bytes).
READY, SENT, ACKNOWLEDGED, FAILED, DOWNLINK, JOINED, LOST = range(1, 8)
# Reasons of FAILED and LOST.
TOO_LONG, BUSY, NOT_JOINED, RESTARTED, SILENT, REFUSED = range(1, 7)

_RESETTING, _PROBING, _SETTING, _CHECKING, _JOINING, _ASKING, _READY, _SENDING, _FLUSHING, _PAUSING = range(10)

# Milliseconds; at_modem.h says why.
_ANSWER_TIME = 3000
_START_TIME = 3000
_JOIN_TIME = 30000
_SEND_TIME = 20000
_SEND_CONFIRMED_TIME = 180000
_BUSY_PAUSE = 5000
_FULL_PAUSE = 60000
_FIRST_REJOIN = 15000
_LAST_REJOIN = 18000000
_LONGEST_WAIT = 86400000
_LONGEST_PROBE_PAUSE = 60000
_LINE_BYTES = 548
_OPTIONS_BYTES = 15  # that the modem's own commands may take of a payload
_SILENCES_UNTIL_LOST = 3
_STALLS_UNTIL_RESET = 3


class Modem:
    # line: any(), readinto(buffer, count), write(bytes). seed: another one in each node, so that they do not all join
    # at once after a power cut.
    def __init__(self, dialect, line, port, data_rate, adaptive, confirmed, seed, now):
        self._dialect, self._line = dialect, line
        self._values = port, data_rate, adaptive, confirmed
        self._keep_rate = data_rate == KEEP_RATE
        self._confirmed = confirmed
        self._random = seed
        self._events = []
        self._text = bytearray()
        self._overlong = False
        self._chunk = bytearray(64)
        self._silences = self._stalls = self._join_tries = self._refusal = 0
        self._joined = self._found = self._started = self._acknowledged = self._crowded = self._flushed = False
        self._region = -1
        self._room = 0
        self.rssi = self.snr = 0
        self._probe(now)

    # Bytes that may be sent now; 0: nothing may.
    def payload(self):
        return self._room if self._state == _READY else 0

    # One packet, no longer than payload().
    def send(self, now, packet):
        self._started = self._acknowledged = False
        self._refusal = 0
        confirmed = self._confirmed
        self._enter(_SENDING, now, _SEND_CONFIRMED_TIME if confirmed else _SEND_TIME)
        self._say(self._dialect.send_confirmed if confirmed else self._dialect.send, packet)

    # What has happened, one event after another; None: nothing more for now.
    def poll(self, now):
        while not self._events:
            if not self._read(now):
                if self._state == _READY or ticks_diff(now, self._since) < self._limit:
                    return None
                self._time_is_up(now)
        return self._events.pop(0)

    # ---- bytes

    def _read(self, now):
        count = self._line.any()
        count = self._line.readinto(self._chunk, min(count, len(self._chunk))) if count else 0
        for i in range(count or 0):
            byte = self._chunk[i]
            if byte not in (10, 13):
                if len(self._text) < _LINE_BYTES:
                    self._text.append(byte)
                else:
                    self._overlong = True
                continue
            text, whole = self._text, not self._overlong
            self._text, self._overlong = bytearray(), False
            if text and whole:
                self._understand(_ascii(text), now)
        return count

    def _say(self, what, packet=None):
        port, data_rate, adaptive, confirmed = self._values
        self._line.write(command(what, packet, port, data_rate, adaptive, confirmed))

    def _tell(self, kind, reason=0, more=0):
        self._events.append((kind, reason, more))

    # ---- states

    def _enter(self, state, now, limit):
        self._state, self._since, self._limit = state, now, limit

    def _pause(self, now, time, after):
        self._after = after
        self._enter(_PAUSING, now, min(time, _LONGEST_WAIT))

    def _probe(self, now):
        self._enter(_PROBING, now, _ANSWER_TIME)
        self._say(self._dialect.probe)

    def _configure(self, now, step):
        settings = self._dialect.settings
        if step < len(settings) and "%d" in settings[step][0] and self._keep_rate:
            step += 1
        if step < len(settings):
            self._step = step
            self._enter(_SETTING, now, _ANSWER_TIME)
            self._say(settings[step][0])
        elif self._dialect.joined is None:
            self._join(now)
        else:
            self._found = False
            self._enter(_CHECKING, now, _ANSWER_TIME)
            self._say(self._dialect.joined)

    def _join(self, now):
        self._found = False
        self._enter(_JOINING, now, _JOIN_TIME)
        self._say(self._dialect.join)

    def _ask(self, now, step):
        self._step = step
        self._room = 0
        self._enter(_ASKING, now, _ANSWER_TIME)
        self._say(self._dialect.limits[step])

    def _go_on(self, now):
        if self._after == _ASKING:
            self._ask(now, 0)
        elif self._after == _JOINING:
            self._join(now)
        elif self._after == _SETTING:
            self._configure(now, 0)
        else:
            self._probe(now)

    def _transmitting(self):
        return self._state in (_SENDING, _FLUSHING)

    # ---- time

    def _time_is_up(self, now):
        if self._state == _PAUSING:
            self._go_on(now)
        elif self._state == _RESETTING:
            self._probe(now)
        else:
            self._silent(now)

    def _silent(self, now):
        self._silences += 1
        if self._state != _PROBING:
            self._stalls += 1
        if self._stalls >= _STALLS_UNTIL_RESET:
            self._lose(SILENT)
            self._stalls = 0
            self._enter(_RESETTING, now, _START_TIME)
            self._say(self._dialect.reset)
            return
        if self._silences >= _SILENCES_UNTIL_LOST:
            self._lose(SILENT)
        else:
            self._fail(SILENT, 0)
        if self._state == _JOINING:
            self._join_failed(now)
            self._after = _PROBING  # it may be gone
        else:
            self._pause(now, min(1000 << min(self._silences, 6), _LONGEST_PROBE_PAUSE), _PROBING)

    # LoRaWAN 1.0.3, section 7: doubling from 15 s to 5 h keeps join requests within their share of the air.
    def _join_failed(self, now):
        time = min(_FIRST_REJOIN << min(self._join_tries, 11), _LAST_REJOIN)
        self._join_tries += 1
        self._random = (self._random * 1664525 + 1013904223) & 0xFFFFFFFF
        self._pause(now, time + time // 4 * (self._random >> 24) // 256, _JOINING)

    # ---- what a line means

    def _understand(self, line, now):
        if self._state == _SETTING and scan("+%w: ERROR(", line) is None:
            if scan(self._dialect.settings[self._step][1], line) is not None:
                self._silences = 0
                self._configure(now, self._step + 1)
                return
        for pattern, meaning in self._dialect.answers:
            found = scan(pattern, line)
            if found is not None:
                self._silences = 0
                self._act(meaning, found, now)
                return

    def _act(self, meaning, found, now):
        if meaning in (at.OK, at.STARTED):
            self._taken(now)
        elif meaning == at.ERROR:
            self._refused_as_error(REFUSED, now)
        elif meaning in (at.TOO_LONG, at.TOO_SLOW):
            self._refused_as_error(TOO_LONG, now)
        elif meaning == at.BUSY:
            self._refuse(self._refusal or _BUSY_PAUSE, now)
        elif meaning == at.WAIT:
            self._refuse(found["n"] if found["n"] > 0 else _BUSY_PAUSE, now)
        elif meaning == at.WAIT_FOLLOWS:
            self._refusal = max(found["n"], 0)
        elif meaning == at.NOT_JOINED:
            if self._transmitting() or self._state == _ASKING:
                self._lose(NOT_JOINED)
                self._configure(now, 0)
        elif meaning in (at.JOINED, at.GOT_JOINED):
            self._found = True
            if meaning == at.JOINED and self._state == _JOINING:
                self._found_network(now)
        elif meaning == at.JOIN_FAILED:
            if self._state == _JOINING:
                self._join_failed(now)
        elif meaning == at.GOT_ACKNOWLEDGED:
            self._acknowledged = True
        elif meaning in (at.DONE, at.DONE_ACKNOWLEDGED):
            self._done(meaning == at.DONE_ACKNOWLEDGED, now)
        elif meaning in (at.LIMIT, at.REGION, at.RATE):
            self._told(meaning, found["n"], now)
        elif meaning == at.DOWNLINK:
            self._downlink(found)
        elif meaning == at.SIGNAL:
            self.rssi, self.snr = found["r"], found["s"]
        elif meaning == at.RESTARTED:
            self._lose(RESTARTED)
            self._pause(now, _START_TIME, _PROBING)

    def _taken(self, now):
        if self._state == _PROBING:
            if self._joined:
                self._ask(now, 0)
            else:
                self._configure(now, 0)
        elif self._state == _CHECKING:
            if self._found:
                self._found_network(now)
            else:
                self._join(now)
        elif self._state == _ASKING:
            if self._step + 1 < len(self._dialect.limits):
                self._ask(now, self._step + 1)
            else:
                self._ready(self._room, now)
        else:
            self._started = self._transmitting()

    # A number that was asked for. Where an OK follows it, that is waited for.
    def _told(self, meaning, number, now):
        if self._state != _ASKING:
            return
        if meaning == at.LIMIT:
            self._ready(number, now)
        elif meaning == at.REGION:
            self._region = number
        else:
            rates = self._dialect.regions.get(self._region, ())
            room = rates[number] if 0 <= number < len(rates) else MIN_PAYLOAD
            # After a packet was too long by the table, what the modem's own commands may take is kept free.
            if self._crowded and room > MIN_PAYLOAD:
                room = max(room - _OPTIONS_BYTES, MIN_PAYLOAD)
            self._room = room

    def _ready(self, payload, now):
        if payload >= MIN_PAYLOAD:
            self._room = min(payload, MAX_PAYLOAD)
            self._enter(_READY, now, 0)
            self._tell(READY)
        elif self._dialect.flush is not None and not self._flushed:
            self._enter(_FLUSHING, now, _SEND_TIME)
            self._started = False
            self._say(self._dialect.flush)
        else:  # the data rate itself is too slow, until the network changes it
            self._flushed = False
            self._pause(now, _FULL_PAUSE, _ASKING)

    def _done(self, acknowledged, now):
        if self._state == _JOINING:
            if self._found:
                self._found_network(now)
            else:
                self._join_failed(now)
        elif self._transmitting() and self._started:
            if self._state == _SENDING:
                self._tell(ACKNOWLEDGED if acknowledged or self._acknowledged else SENT)
            self._stalls = 0
            self._crowded = False
            self._flushed = self._state == _FLUSHING
            self._ask(now, 0)

    def _found_network(self, now):
        if not self._joined:
            self._tell(JOINED)
        self._joined = True
        self._join_tries = 0
        self._ask(now, 0)

    def _downlink(self, found):
        data = found["x"]
        if 1 <= found["p"] <= 223 and 0 < len(data) <= MAX_PAYLOAD:
            if "r" in found:
                self.rssi, self.snr = found["r"], found["s"]
            self._tell(DOWNLINK, found["p"], data)

    # ---- refusals

    def _refuse(self, time, now):
        self._refusal = 0
        time = min(time, _LONGEST_WAIT)
        state = self._state
        if self._transmitting():
            self._fail(BUSY, time)
            self._pause(now, time, _ASKING)
        elif state in (_JOINING, _SETTING, _ASKING):
            self._pause(now, time, state)

    def _refused_as_error(self, reason, now):
        state = self._state
        if state in (_PROBING, _CHECKING):
            self._pause(now, _BUSY_PAUSE, _PROBING)
        elif state == _SETTING:  # what cannot be set stays as it is
            self._configure(now, self._step + 1)
        elif state == _JOINING:
            self._join_failed(now)
        elif state == _SENDING:
            self._crowded = reason == TOO_LONG
            self._fail(reason, _BUSY_PAUSE)
            self._pause(now, _BUSY_PAUSE, _ASKING)
        elif state in (_FLUSHING, _ASKING):
            self._pause(now, _BUSY_PAUSE, _ASKING)

    def _fail(self, reason, wait):
        if self._state == _SENDING:
            self._tell(FAILED, reason, wait)

    def _lose(self, reason):
        self._fail(reason, 0)
        if self._joined:
            self._tell(LOST, reason)
        self._joined = False
        self._room = 0


# A modem may send anything: what is no ASCII fits no pattern.
def _ascii(text):
    return "".join(chr(byte) if byte < 128 else "?" for byte in text)
