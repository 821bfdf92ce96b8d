# SPDX-License-Identifier: Apache-2.0
# The host's requests over the serial line (docs/serial-protocol.md), and the loop.
import gc

from glimpse_blob import VERSION as BLOB_VERSION
from glimpse_blob import Model
from glimpse_card import Card
from glimpse_field import Field
from glimpse_frame import CAMERA, PATTERN, UPLOAD, Frame
from glimpse_packer import MAX_FRAME, MAX_PAYLOAD, WIRE_VERSION
from glimpse_serial import MAX_MESSAGE, Reader, encode
from glimpse_settings import SETTINGS, STATE, Store
from glimpse_status import ERROR_ARGUMENT, ERROR_KIND, ERROR_LENGTH, ERROR_STATE, ERROR_STORAGE, NodeError
from ustruct import pack, unpack_from
from utime import sleep_ms, ticks_diff, ticks_ms

FIRMWARE_VERSION = "0.1.0"
PROTOCOL_VERSION = 1
NEXT_FRAME = 255  # in a capture request: the node counts
OWN_SETTINGS = 0  # in the place of a payload
_SILENCE_MS = 200  # after which what has come is no frame that is still coming
BY_WATCHDOG = b"\x01"  # in a reset request
BUILT_IN = 255  # the slot of the model on the disk; there are no others

IDENTIFY, CAPTURE, ROW, STATUS, SELECT, RESET, LINE, MODEM = 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0C
IDENTITY, PACKET, DONE, ASK_ROW, HEALTH, ACCEPTED, REFUSED = 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87


class Node:
    # board: see glimpse_board.Board; folder: where settings and models are.
    def __init__(self, board, folder):
        self.board = board
        self.settings = Store(folder + "/settings.json", SETTINGS)
        self.state = Store(folder + "/state.json", STATE)
        self.state.change(boots=self.state["boots"] + 1)
        self._folder = folder
        self._reader = Reader()
        self._sequence = 0
        self._chunk = bytearray(256)
        self._heard = ticks_ms()

    # Line first: a node whose model is bad can still say so.
    def start(self):
        settings = self.settings
        self._line = self.board.open_line(settings["line"], settings["baud"])
        model = Model(self._path(settings["model"]))
        self.frame = Frame(self.board, model, self.board.load(self._path(settings["kmodel"])))
        self.card = Card(self.board.card() if settings["card"] else None, self.state["boots"])
        self.field = Field(self)
        # Whatever the line has carried before, such as the boot loader's text. On the prompt's line MaixPy prints what
        # it likes at any time: there every message starts afresh.
        self._line.write(b"\0")
        self._before = b"\0" if settings["line"] == "usb" else b""
        self._identify()

    def _path(self, name):
        return self._folder + "/" + name if isinstance(name, str) and "/" not in name else name

    # To be called for ever. KeyboardInterrupt: somebody on the line asks for MicroPython's prompt.
    def poll(self):
        self.board.feed()
        count = self._line.any()
        if count:
            self._heard = ticks_ms()
            count = self._line.readinto(self._chunk, min(count, len(self._chunk)))
            if count:
                self._reader.feed(bytes(memoryview(self._chunk)[:count]), self._handle)
        elif ticks_diff(ticks_ms(), self._heard) > _SILENCE_MS and self._reader.wants_prompt():
            raise KeyboardInterrupt
        self.field.poll()

    # The number of the next frame, which is used up.
    def take_number(self):
        number = self.state["next_frame"] & MAX_FRAME
        self.state.change(next_frame=(number + 1) & MAX_FRAME)
        return number

    # ---- answers

    def _answer(self, kind, body=b""):
        self._line.write(self._before + encode(bytes((kind, self._sequence)) + body))

    def _refuse(self, status):
        self._answer(REFUSED, pack("<b", status))

    def _identify(self):
        frame, board = self.frame, self.board
        model = frame.model
        body = bytes((PROTOCOL_VERSION, WIRE_VERSION, BLOB_VERSION, BUILT_IN))
        for text in (FIRMWARE_VERSION, board.NAME, "us"):
            body += _text(text)
        buffers = len(frame.symbols) + 2 * model.symbols
        body += pack("<IHHIIII", board.hertz(), MAX_MESSAGE, model.photo_width, buffers, model.symbols, buffers, 0)
        body += bytes((model.id, model.revision)) + _text(model.name)
        body += pack("<IHHHH", model.check, model.photo_width, model.photo_height, model.width, model.height)
        body += bytes((model.channels, model.bits, model.cumulative is not None))
        self._answer(IDENTITY, body)

    def _report_health(self):
        state = self.state
        cause, frame = self.board.reset_cause(), state["next_frame"]
        self._answer(HEALTH, pack("<BBIIII", cause, frame, state["boots"], self._reader.broken, 0, 0))

    # ---- frames

    def _capture(self, body):
        if len(body) != 8:
            raise NodeError(ERROR_LENGTH)
        source, coding, number, payload, budget = unpack_from("<BBBBI", body, 0)
        channels = 0
        if payload == OWN_SETTINGS:
            settings = self.settings
            payload = settings["payload"] or MAX_PAYLOAD
            budget, channels = settings["budget"], settings["channels"]
        self.field.drop_frame()
        counted = number == NEXT_FRAME
        self.frame.begin(
            source, coding, self.state["next_frame"] & MAX_FRAME if counted else number, payload, budget, channels
        )
        if counted:
            self.take_number()
        if source == UPLOAD:
            self._ask_for_row()
        else:
            self.board.led("photo")
            self.frame.fetch()
            self._finish()

    def _take_row(self, body):
        frame = self.frame
        if not frame.active or frame.source != UPLOAD:
            raise NodeError(ERROR_STATE)
        if len(body) != 3 * frame.model.photo_width:
            raise NodeError(ERROR_LENGTH)
        if frame.put_row(body):
            self._finish()
        else:
            self._ask_for_row()

    def _ask_for_row(self):
        self._answer(ASK_ROW, pack("<H", self.frame.row))

    def _finish(self):
        frame = self.frame
        frame.active = False
        self.board.led("send")
        self.card.begin()
        while True:
            length = frame.packet()
            if not length:
                break
            packet = bytes(frame.packer.packet[:length])
            self._answer(PACKET, packet)
            self.card.put(packet)
        head = pack("<BHII", frame.number, frame.packets, frame.bytes, frame.packer.sent)
        counts = [min(count, 0xFFFFFFFF) for count in frame.counts]
        self._answer(DONE, head + pack("<5I", counts[0], counts[1], counts[2], counts[3], 0))
        self.board.led("ready")
        gc.collect()

    # ---- settings

    # As in C: modem, port, data rate, flags, region, source.
    def _set_modem(self, body):
        if len(body) != 6:
            raise NodeError(ERROR_LENGTH)
        modem, port, rate, flags, region, source = body
        if modem and not (modem <= 2 and 1 <= port <= 223 and (rate <= 15 or rate == 255) and flags <= 7):
            raise NodeError(ERROR_ARGUMENT)
        if modem and source not in (CAMERA, PATTERN):
            raise NodeError(ERROR_ARGUMENT)
        self.frame.active = False
        self.field.check(modem)
        if not self.settings.change(modem=modem, port=port, data_rate=rate, flags=flags, region=region, source=source):
            raise NodeError(ERROR_STORAGE)
        self.field.begin()

    # ---- requests

    def _handle(self, message):
        if len(message) < 2:
            self._reader.broken += 1
            return
        self._sequence = message[1]
        try:
            self._obey(message[0], message[2:])
        except NodeError as error:
            self.frame.active = False
            self.board.led("ready")
            self._refuse(error.status)

    def _obey(self, kind, body):
        if kind == IDENTIFY:
            self._identify()
        elif kind == CAPTURE:
            self._capture(body)
        elif kind == ROW:
            self._take_row(body)
        elif kind == STATUS:
            self._report_health()
        elif kind == SELECT:
            self._select(body)
        elif kind == LINE:
            self._change_line(body)
        elif kind == MODEM:
            self._set_modem(body)
            self._answer(ACCEPTED)
        elif kind == RESET:
            self._answer(ACCEPTED)
            if body == BY_WATCHDOG:
                sleep_ms(9000)  # it bites after eight
                self.board.feed()
            self.board.reset()
        else:
            raise NodeError(ERROR_KIND)

    def _select(self, body):
        if len(body) != 1:
            raise NodeError(ERROR_LENGTH)
        if body[0] != BUILT_IN:
            raise NodeError(ERROR_ARGUMENT)
        self.frame.active = False
        self._answer(ACCEPTED)

    # MaixPy takes bytes by interrupt, whatever is asked for.
    def _change_line(self, body):
        if len(body) != 1:
            raise NodeError(ERROR_LENGTH)
        if body[0] > 1:
            raise NodeError(ERROR_ARGUMENT)
        self._answer(ACCEPTED)


def _text(text):
    data = text.encode()
    return bytes((len(data),)) + data
