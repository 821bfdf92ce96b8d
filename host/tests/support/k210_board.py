# SPDX-License-Identifier: Apache-2.0
"""The outside of a K210 board on a pseudo-terminal: its loader as kflash meets it, and MaixPy's raw prompt.

The loader answers SLIP packets (the chip's ROM, then the program that kflash loads) and keeps what is written to the
flash. The prompt executes what it is sent in this Python, on a folder that stands for the board's disk.
"""

from __future__ import annotations

import binascii
import builtins
import contextlib
import gc
import io
import os
import select
import struct
import threading
import tty
from pathlib import Path
from types import SimpleNamespace

from cobs import cobs
from glimpse.binding import protocol

BANNER = b"raw REPL; CTRL-B to exit\r\n>"
FLASH_BYTES = 16 << 20
MEMORY_WRITE, BOOT = 0xC3, 0xC5
FLASH_WRITE, REBOOT, BAUD = 0xD4, 0xD5, 0xD6
OK = 0xE0
CRC_RESIDUE = 0x2144DF1C
"""CRC-32 of anything with its own CRC-32 behind it."""


class Reset(Exception):
    """machine.reset()."""


class EmulatedBoard(threading.Thread):
    """A board on a terminal; a context manager.

    Args:
        disk: the folder that is /; needs a folder flash, or sd besides.
        runs: False: it has no MicroPython.

    Attributes:
        path: of the terminal.
        flash: as it was programmed.
        sent: the statements that the prompt was given.
        resets: how often the chip restarted.
        spoil: numbers of statements whose bytes arrive damaged.
        node_runs: a node holds the line, as Glimpse's scripts do; it restarts when asked, and is caught then.
        deaf: its loader does not answer.
        silent_after: the number of the last statement that is answered; None: all are.
    """

    def __init__(self, disk: Path, runs: bool = True) -> None:
        super().__init__(daemon=True)
        self.disk, self.runs = disk, runs
        self.flash = bytearray(b"\xff" * FLASH_BYTES)
        self.resets = 0
        self.sent: list[str] = []
        self.spoil: set[int] = set()
        self.deaf = self.node_runs = False
        self.silent_after: int | None = None
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._waiting = b""
        self._ended = self._raw = False
        self._fresh()

    def __enter__(self) -> EmulatedBoard:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self.join(5)
        os.close(self._master)
        os.close(self._slave)

    def run(self) -> None:
        """Until the block ends."""
        while not self._ended:
            if select.select([self._master], [], [], 0.05)[0]:
                self._waiting += os.read(self._master, 65536)
                while self._step():
                    pass

    def _say(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._master, data) :]

    def _step(self) -> bool:
        """Takes one packet, control character or statement off the line; False: none is whole."""
        if self.node_runs:
            return self._node()
        if self._waiting[:1] == b"\xc0":
            end = self._waiting.find(b"\xc0", 1)
            if end < 0:
                return False
            packet, self._waiting = self._waiting[1:end], self._waiting[end + 1 :]
            self._packet(packet.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb"))
            return True
        return self._prompt()

    # ---- the loader

    def _packet(self, packet: bytes) -> None:
        operation, (check,), rest = packet[0], struct.unpack_from("<I", packet, 4), packet[8:]
        if operation in (MEMORY_WRITE, FLASH_WRITE):
            assert check == binascii.crc32(rest)
        if operation == FLASH_WRITE:
            address, size = struct.unpack_from("<II", rest)
            assert size == len(rest) - 8
            self.flash[address : address + size] = rest[8:]
        if operation == REBOOT:
            self._restart()
        if operation not in (BOOT, BAUD) and not self.deaf:
            self._say(bytes((0xC0, operation, OK, 0xC0)))

    # ---- the node

    def _node(self) -> bool:
        frame, end, rest = self._waiting.partition(b"\0")
        if not end:
            return False
        self._waiting = rest
        with contextlib.suppress(cobs.DecodeError):
            message = cobs.decode(frame)
            if message[:1] == bytes((protocol("NODE_RESET"),)) and binascii.crc32(message) == CRC_RESIDUE:
                self.node_runs = False
                self._restart()
        return True

    # ---- the prompt

    def _fresh(self) -> None:
        files = SimpleNamespace(
            listdir=lambda folder: [each.name for each in self._place(folder).iterdir()],
            mkdir=lambda folder: self._place(folder).mkdir(),
            remove=lambda name: self._place(name).unlink(),
            rename=self._rename,
            stat=lambda name: self._place(name).stat(),
        )
        modules = {
            "uos": files,
            "gc": gc,
            "ubinascii": SimpleNamespace(a2b_base64=binascii.a2b_base64, hexlify=binascii.hexlify),
            "machine": SimpleNamespace(reset=self._reset),
        }
        own = {
            **vars(builtins),
            "open": lambda name, mode="r": self._place(name).open(mode),
            "__import__": lambda name, *_: modules[name],
        }
        self._names = {"__builtins__": own}

    def _place(self, name: str) -> Path:
        return self.disk / name.lstrip("/")

    def _rename(self, old: str, new: str) -> None:
        if self._place(new).exists():
            raise OSError(17, "SPIFFS renames onto nothing")
        self._place(old).rename(self._place(new))

    def _reset(self) -> None:
        raise Reset

    def _restart(self) -> None:
        self.resets += 1
        self._raw = False
        self._fresh()

    def _prompt(self) -> bool:
        if not self.runs:
            self._waiting = b""
            return False
        for at, byte in enumerate(self._waiting):
            if byte == 1:
                self._raw = True
                self._say(BANNER)
            elif byte == 4 and self._raw:
                code, self._waiting = self._waiting[:at], self._waiting[at + 1 :]
                self._execute(code)
                return True
            elif byte == 3 or not self._raw:
                pass
            else:
                continue
            self._waiting = self._waiting[at + 1 :]
            return True
        return False

    def _execute(self, code: bytes) -> None:
        self.sent.append(code.decode())
        if self.silent_after is not None and len(self.sent) > self.silent_after:
            return
        if len(self.sent) in self.spoil:
            code = code.replace(b"A", b"B")
        printed, raised = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(code.decode(), self._names)
            except Reset:
                self._restart()
                self._say(b"OK")
                return
            except Exception as error:
                raised = f"Traceback:\r\n{type(error).__name__}: {error}\r\n"
        self._say(b"OK" + printed.getvalue().replace("\n", "\r\n").encode() + b"\x04" + raised.encode() + b"\x04>")
