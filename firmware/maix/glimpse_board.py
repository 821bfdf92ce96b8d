# SPDX-License-Identifier: Apache-2.0
# A Maix board under MaixPy v1: everything that knows the hardware.
import gc

import KPU
import machine
import sensor
import uos
import ustruct
from fpioa_manager import fm
from glimpse_status import ERROR_MODEL_FORMAT, ERROR_SOURCE, NodeError
from image import Image
from Maix import GPIO

_WATCHDOG_MS = 8000  # a kmodel takes seconds to load from flash
_RED, _GREEN, _BLUE = 1, 2, 4
# What the light says.
_COLOURS = {
    "start": _BLUE,
    "ready": _GREEN,
    "photo": _RED | _GREEN | _BLUE,
    "send": _GREEN | _BLUE,
    "lost": _RED | _GREEN,
    "error": _RED,
    "off": 0,
}
_CAUSES = {"PWRON_RESET": 0, "SOFT_RESET": 1, "WDT_RESET": 2}  # as HEALTH counts them
_OTHER_CAUSE = 3


class Board:
    NAME = "maix"

    # settings: a glimpse_settings.Store.
    def __init__(self, settings):
        self._settings = settings
        self._watchdog = None
        self._sees = None  # whether there is a camera, once it was asked
        self._lights = []
        for number, pin in enumerate(settings["led"][:3]):
            self._lights.append(self._pin(pin, number, GPIO.OUT))
        self.led("start")

    def _pin(self, pin, number, mode, pull=None):
        name = "GPIOHS%d" % number
        fm.register(pin, getattr(fm.fpioa, name), force=True)
        number = getattr(GPIO, name)
        return GPIO(number, mode) if pull is None else GPIO(number, mode, pull)

    # Whether the key is held that leads to MicroPython's prompt.
    def key_is_held(self):
        pin = self._settings["key"]
        return bool(pin) and self._pin(pin, 3, GPIO.IN, GPIO.PULL_UP).value() == 0

    # state: one of _COLOURS. The lights are lit when low.
    def led(self, state):
        colour = _COLOURS[state]
        for number, light in enumerate(self._lights):
            light.value(0 if colour >> number & 1 else 1)

    # ---- watchdog and resets

    def start_watchdog(self):
        self._watchdog = machine.WDT(id=0, timeout=_WATCHDOG_MS)
        self.feed()

    def feed(self):
        if self._watchdog is not None:
            self._watchdog.feed()

    def reset(self):
        machine.reset()

    # MicroPython's prompt takes over.
    def release(self):
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None
        _take_control_c(3)
        self.led("off")

    def reset_cause(self):
        cause = machine.reset_cause()
        for name in _CAUSES:
            if getattr(machine, name, None) == cause:
                return _CAUSES[name]
        return _OTHER_CAUSE

    def hertz(self):
        try:
            from Maix import freq

            return freq.get_cpu() * 1000000
        except (ImportError, AttributeError):
            return 0

    # 32 bits that differ from board to board.
    def seed(self):
        seed = 0
        for byte in machine.unique_id():
            seed = (seed * 31 + byte) & 0xFFFFFFFF
        return seed

    # ---- serial lines

    # which: "usb", the line that MicroPython's prompt is on, or {"uart": 1..3, "tx": pin, "rx": pin}.
    def open_line(self, which, baud):
        if which == "usb":
            _take_control_c(-1)
            line = machine.UART.repl_uart()
            line.init(baud, 8, None, 1, timeout=1000, timeout_char=10, read_buf_len=4096)
            return line
        number = which["uart"]
        for way in ("tx", "rx"):
            fm.register(which[way], getattr(fm.fpioa, "UART%d_%s" % (number, way.upper())), force=True)
        uart = getattr(machine.UART, "UART%d" % number)
        return machine.UART(uart, baud, 8, None, 1, timeout=1000, timeout_char=10, read_buf_len=4096)

    # ---- disks

    # The memory card's folder, None without one.
    def card(self):
        return "/sd" if "sd" in uos.listdir("/") else None

    # ---- camera and KPU

    def has_camera(self):
        if self._sees is None:
            try:
                self._start_camera()
                self._sees = True
            except (RuntimeError, OSError, ValueError):
                self._sees = False
        return self._sees

    def _start_camera(self):
        sensor.reset()
        sensor.set_pixformat(sensor.RGB565)
        sensor.set_framesize(sensor.QVGA)
        sensor.set_vflip(self._settings["vflip"])
        sensor.set_hmirror(self._settings["hmirror"])
        self._window = None

    # The middle of what the camera sees: RGB565, the byte with red first, row by row.
    def photo(self, width, height):
        try:
            if self._window != (width, height):
                sensor.set_windowing((width, height))
                sensor.run(1)
                sensor.skip_frames(10)  # until the exposure has settled
                self._window = (width, height)
            pixels = sensor.snapshot().to_bytes()
        except (RuntimeError, OSError, ValueError):
            self._sees = None  # started again the next time
            raise NodeError(ERROR_SOURCE, "the camera gives no picture")
        if len(pixels) != 2 * width * height:
            raise NodeError(ERROR_SOURCE, "the camera's picture has another size")
        return pixels

    def picture(self, width, height):
        return Image(size=(width, height))

    # kmodel: a path, or where in flash it lies.
    def load(self, kmodel):
        gc.collect()
        self.feed()
        if isinstance(kmodel, str):
            _check_kmodel(kmodel)
        try:
            return KPU.load(kmodel)
        except (ValueError, OSError) as error:
            raise NodeError(ERROR_MODEL_FORMAT, "the KPU refuses the kmodel: %s" % error)

    # A buffer of uint8 [channels][rows][columns].
    def forward(self, task, image):
        return KPU.forward(task, image)


# The firmware's own word for another version is a number; MaixPy loads 3 and nothing that nncase 1.x writes.
def _check_kmodel(path):
    try:
        with open(path, "rb") as file:
            head = file.read(4)
    except OSError:
        raise NodeError(ERROR_MODEL_FORMAT, "there is no %s" % path)
    if len(head) < 4 or ustruct.unpack("<I", head)[0] != 3:
        raise NodeError(ERROR_MODEL_FORMAT, "%s is not a kmodel of version 3" % path)


# On the prompt's line a byte 3 interrupts the program; in frames it is a byte like any other. byte: -1 for none.
def _take_control_c(byte):
    try:
        from micropython import kbd_intr

        kbd_intr(byte)
    except ImportError:
        pass
