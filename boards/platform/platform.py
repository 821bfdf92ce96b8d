# SPDX-License-Identifier: Apache-2.0
"""What PlatformIO has to know of this repository's boards before it builds for one of them."""

import shutil

from platformio.public import PlatformBase


class GlimpsePlatform(PlatformBase):
    """Cortex-M boards, the same cores emulated, K210 boards, and the host."""

    def is_embedded(self) -> bool:
        """Say whether a program has to be uploaded; an emulator and the host just run it."""
        board = self.config.get(f"env:{self.project_env}", "board", None) if self.project_env else None
        return bool(board) and not self.board_config(board).get("qemu", "")

    def configure_default_packages(self, options, targets):
        """Use the system's compiler where there is one, else PlatformIO's package of it."""
        board = options.get("board")
        compiled = board and self.board_config(board).get("build.mcu") != "k210"
        if compiled and not shutil.which("arm-none-eabi-gcc"):
            self.packages["toolchain-gccarmnoneeabi"]["optional"] = False
        return super().configure_default_packages(options, targets)

    def get_boards(self, id_=None):
        """Add to each board how it is debugged."""
        found = super().get_boards(id_)
        for board in [found] if id_ else found.values():
            tools = board.manifest.setdefault("debug", {}).setdefault("tools", {})
            if not tools and board.get("qemu", ""):
                tools["qemu"] = _qemu_debugging(board)
            elif not tools and board.get("debug.pyocd_target", ""):
                tools["pyocd"] = _pyocd_debugging(board)
        return found


def _qemu_debugging(board):
    machine = ["-M", board.get("qemu.machine"), *board.get("qemu.arguments", [])]
    return {
        "default": True,
        "onboard": True,
        "server": {
            "executable": "qemu-system-arm",
            "arguments": [
                *machine,
                *("-display", "none", "-semihosting-config", "enable=on,target=native"),
                *("-S", "-gdb", "tcp::3333", "-kernel", "$PROG_PATH"),
            ],
            "ready_pattern": None,
        },
        "port": ":3333",
        "load_cmds": [],
        "init_break": "tbreak main",
        "init_cmds": [
            *("define pio_reset_halt_target", "end", "define pio_reset_run_target", "end"),
            *("target extended-remote $DEBUG_PORT", "$INIT_BREAK"),
        ],
    }


def _pyocd_debugging(board):
    return {
        "default": True,
        "onboard": True,
        "server": {
            "executable": shutil.which("pyocd") or "pyocd",
            "arguments": ["gdbserver", "--target", board.get("debug.pyocd_target"), "--port", "3333"],
            "ready_pattern": "GDB server started",
        },
        "port": ":3333",
    }
