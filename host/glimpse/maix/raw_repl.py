# SPDX-License-Identifier: Apache-2.0
"""Files onto a MicroPython board over its prompt: the raw REPL of MicroPython 1.11, as pyboard.py speaks it.

Control characters: C stops what runs, A enters the raw prompt, D runs what was sent, B leaves. An answer is OK, what
the code printed, D, what it raised, D, and the next prompt.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping

from glimpse.binding import protocol, serial_frame
from glimpse.errors import GlimpseError
from glimpse.progress import progress
from glimpse.targets.client import Stream

PIECE = 192
"""Bytes of a file in one statement. Each is answered before the next is sent, so no buffer of the board overflows."""
PATIENCE = 10.0
"""Seconds for one statement; SPIFFS may clean up for some of them."""
START = 15.0
"""Seconds in which a board that was just switched on comes to its prompt."""
PAUSE = 0.7
"""Seconds of silence behind control C; a node wants some to tell it from a frame (firmware/maix/README.md)."""
NODE_AFTER = 3.0
"""Seconds without a prompt after which the board may be a node that is busy."""
MAIN = "main.py"
"""What MaixPy runs at power-on."""
_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"

# What the board does. MicroPython 1.11: no f-strings.
_HELPERS = """
import gc, uos
from ubinascii import a2b_base64, hexlify
def away(name):
    try:
        uos.remove(name)
    except OSError:
        pass
def check(name):
    count = total = 0
    with open(name, "rb") as file:
        while True:
            data = file.read(64)
            if not data:
                return count, total
            count += len(data)
            total = (total * 31 + sum(data)) & 0xFFFFFF
def there(name):
    try:
        uos.stat(name)
        return 1
    except OSError:
        return 0
"""


def checksum(data: bytes) -> tuple[int, int]:
    """Length and sum of a file as the board computes them: pieces of 64 bytes, with what even a bare build has."""
    total = 0
    for at in range(0, len(data), 64):
        total = (total * 31 + sum(data[at : at + 64])) & 0xFFFFFF
    return len(data), total


class RawRepl:
    """The raw prompt of a MicroPython board.

    Args:
        stream: its serial line.
        what: the board in words, for errors.

    Raises:
        GlimpseError: nothing on the line answers as MicroPython does.
    """

    def __init__(self, stream: Stream, what: str) -> None:
        self._stream, self._what = stream, what
        self._waiting = b""
        self._enter(START)

    def run(self, code: str) -> str:
        """Runs statements; what they printed.

        Raises:
            GlimpseError: the board fell silent, restarted, or an exception was raised there.
        """
        self._stream.write(code.encode() + b"\x04")
        self._expect(b"OK")
        printed = self._expect(b"\x04")
        raised = self._expect(b"\x04")
        self._expect(b">")
        if raised:
            last = (raised.decode(errors="replace").strip().splitlines() or ["an exception"])[-1]
            raise GlimpseError(f"{self._what} answered {last}; free some of its disk, or flash MaixPy again")
        return printed.decode(errors="replace").strip()

    def restart(self) -> None:
        """Resets the whole chip, so that nothing of what ran before runs on (a watchdog outlives a stopped program)."""
        self._stream.write(b"import machine\nmachine.reset()\n\x04")
        self._expect(b"OK")
        self._waiting = b""

    def enter_again(self) -> None:
        """After a restart: waits for the board and stops what it started."""
        self._enter(START)

    def _enter(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        ask = time.monotonic() + NODE_AFTER
        heard = b""
        while time.monotonic() < deadline:
            if time.monotonic() >= ask:
                # A node that is in the middle of something, or an old one: it restarts when asked, and is caught then.
                self._stream.write(b"\0" + serial_frame(bytes((protocol("NODE_RESET"), 1))))
                ask += NODE_AFTER
            # The zero ends whatever a node has heard before; after control C and a pause it gives the prompt back.
            self._stream.write(b"\0\r\x03\x03\x01")
            pause = time.monotonic() + PAUSE
            while (left := pause - time.monotonic()) > 0:
                heard = (heard + self._stream.read(left))[-1000:]
                if heard.endswith(_PROMPT):
                    more = self._stream.read(0.1)  # another one, from an earlier try
                    if not more:
                        return
                    heard += more
        raise GlimpseError(
            f"{self._what} does not answer as MicroPython does; program MaixPy with --firmware FILE, or press the "
            "board's reset button and try again"
        )

    def _expect(self, end: bytes) -> bytes:
        """Everything before `end`, which is taken off the line."""
        deadline = time.monotonic() + PATIENCE
        while end not in self._waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                raise GlimpseError(
                    f"{self._what} stopped answering while files were written; press its reset button and try again"
                )
            self._waiting += self._stream.read(min(0.2, left))
        before, _, self._waiting = self._waiting.partition(end)
        return before


def put(
    repl: RawRepl, files: Mapping[str, bytes], settings: tuple[str, Callable[[bytes | None], bytes]] | None = None
) -> str:
    """Writes files to the board's SD card if one is in, else to its own disk, and starts the board.

    Each is written under another name and takes its place when the board has read it back; main.py leaves first and
    comes last, so that a board that was interrupted does not start a mixture.

    Args:
        repl: at its prompt.
        files: name -> contents.
        settings: a file that is made of the one that is there: its name, and new contents of old (None: no file).

    Returns:
        The folder.

    Raises:
        GlimpseError: the board fell silent or refused, or a file did not arrive as it was sent.
    """
    repl.run(_HELPERS)
    folder = repl.run('print("/sd" if "sd" in uos.listdir("/") else "/flash")')
    if repl.run(f"print(there({_on(folder, MAIN)!r}))") == "1":
        repl.run(f"away({_on(folder, MAIN)!r})")
        repl.restart()  # a node that was running has armed its watchdog
        repl.enter_again()
        repl.run(_HELPERS)
    if settings:
        name, change = settings
        files = {**files, name: change(_read(repl, _on(folder, name)))}
    with progress("writing files", sum(map(len, files.values()))) as task:
        for name in sorted(files, key=lambda name: name == MAIN):
            task.say(f"writing {name}")
            _write(repl, _on(folder, name), files[name], task.advance)
    repl.restart()
    return folder


def _read(repl: RawRepl, path: str) -> bytes | None:
    """A short file; None: there is none."""
    if repl.run(f"print(there({path!r}))") != "1":
        return None
    said = repl.run(f'with open({path!r}, "rb") as file:\n print(str(hexlify(file.read()), "utf8"))')
    try:
        return bytes.fromhex(said)
    except ValueError as error:
        raise GlimpseError(f"{path} could not be read from the board; try again, with a shorter cable") from error


def _on(folder: str, name: str) -> str:
    return f"{folder}/{name}"


def _write(repl: RawRepl, path: str, data: bytes, advance: Callable[[float], None]) -> None:
    new = path + "n"  # as the node names its own; SPIFFS has room for little more
    repl.run(f"gc.collect()\nfile = open({new!r}, 'wb')")
    for at in range(0, len(data), PIECE):
        piece = data[at : at + PIECE]
        repl.run(f"n = file.write(a2b_base64({b64encode(piece).decode()!r}))")
        advance(len(piece))
    if repl.run(f"file.close()\nprint(*check({new!r}))") != "{} {}".format(*checksum(data)):
        repl.run(f"away({new!r})")
        raise GlimpseError(f"{path} did not arrive as it was sent; try again, with a shorter cable")
    repl.run(f"away({path!r})\nuos.rename({new!r}, {path!r})")
