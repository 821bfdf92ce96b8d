# SPDX-License-Identifier: Apache-2.0
"""`pio run -t upload`: program a board, or start an emulated one or the host's program in this terminal."""

import shutil
import subprocess
import sys
from pathlib import Path

import run_board

USB_DEVICES = Path("/sys/bus/usb/devices")


def start(env, variant: str, program: str) -> int:
    """Do what the board's upload protocol says; return 0, or 1 after one sentence that says what is wrong."""
    elf = Path(env.subst("$PROJECT_DIR")) / program
    if variant == "native":
        return subprocess.run([str(elf)], check=False).returncode
    board = env.BoardConfig()
    protocol = env.subst("$UPLOAD_PROTOCOL") or board.get("upload.protocol")
    if protocol == "qemu":
        print("The emulated board's serial line is this terminal; leave with Ctrl-C.", flush=True)
        return _ended(run_board.run(variant, elf))
    if protocol == "openocd":
        configuration = f"board/{board.get('debug.openocd_board')}.cfg"
        command = ["openocd", "-f", configuration, "-c", f"program {{{elf}}} verify reset exit"]
    elif protocol == "pyocd":
        command = ["pyocd", "load", "--no-wait", "--target", board.get("debug.pyocd_target"), str(elf)]
    else:
        return _fail(f"{variant} cannot be programmed by {protocol}; use one of {board.get('upload.protocols')}.")

    tool = _tool(command[0])
    if tool is None:
        how = "run `make setup`" if protocol == "openocd" else "run `.venv/bin/pip install pyocd`"
        return _fail(f"{command[0]} is not installed; {how}.")
    if not _probe_attached(board.get("upload.usb_ids", [])):
        return _fail(f"no debug probe of {board.get('name')} is attached; connect its USB debug port and try again.")
    result = subprocess.run([tool, *command[1:]], check=False)
    if result.returncode != 0:
        return _fail(f"{command[0]} could not program the board, as said above; reconnect its USB and try again.")
    return 0


def _tool(name: str) -> str | None:
    """The path of a program, from beside this Python first: an environment that is not activated is not on PATH."""
    beside = Path(sys.executable).parent
    return shutil.which(name, path=str(beside)) or shutil.which(name)


def _fail(sentence: str) -> int:
    print(f"Error: {sentence}", file=sys.stderr)
    return 1


def _ended(status: int) -> int:
    return 0 if status in (0, 130) else status  # Ctrl-C is how one leaves


def _probe_attached(usb_ids: list[str]) -> bool:
    """Look for the probe before its tool does: the tools wait, or say it in a page of text."""
    if not USB_DEVICES.is_dir():
        return not Path("/sys/bus").is_dir()  # no sysfs (not Linux): let the tool find out
    attached = set()
    for device in USB_DEVICES.iterdir():
        try:
            vendor = (device / "idVendor").read_text().strip()
            attached.add(f"{vendor}:{(device / 'idProduct').read_text().strip()}")
        except OSError:
            continue
    return bool(attached & set(usb_ids))


def serial_port(wanted: str) -> str:
    """Return the serial port to program a board through; "" after one sentence that says what is wrong."""
    from serial.tools import list_ports

    if wanted:
        return wanted
    ports = [port.device for port in list_ports.comports() if port.vid is not None]
    if len(ports) == 1:
        return ports[0]
    found = f"there are {', '.join(ports)}" if ports else "there is no USB serial port"
    _fail(f"{found}; connect the board, and name its port with --upload-port if it has more than one.")
    return ""
