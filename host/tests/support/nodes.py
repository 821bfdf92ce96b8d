# SPDX-License-Identifier: Apache-2.0
"""Nodes for tests: the node program of this computer, with garbage on its line if wanted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from glimpse import zoo
from glimpse.export.header import write_header
from glimpse.targets.client import SerialNode
from glimpse.targets.process import ProcessStream

from support.core_library import MONOCYPHER, build_monocypher
from support.networks import CMSIS_NN, kernel_sources

ROOT = Path(__file__).resolve().parents[3]


def build_node_program(folder: Path, model: Path | None = None) -> Path:
    """The node as a program of this computer, with the sanitizers on; returns its path.

    model: the folder of the model to build in; None: that of the default model.
    """
    firmware = ROOT / "firmware"
    write_header(model or zoo.load().folder, folder / "glimpse_builtin_model.h")
    ours = [
        source
        for room in ("core", "nn", "link", "app", "ports/native")
        for source in sorted((firmware / room).glob("*.c"))
    ]
    subprocess.run(
        [
            "gcc",
            "-std=gnu11",
            "-O1",
            "-g",
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all",
            "-I",
            folder,
            "-I",
            firmware,
            "-I",
            ROOT / "boards" / "native",
            "-isystem",
            CMSIS_NN / "Include",
            "-isystem",
            MONOCYPHER,
            *ours,
            build_monocypher(folder),
            *kernel_sources(),
            "-o",
            folder / "node",
        ],
        check=True,
    )
    return folder / "node"


class ProgramNode(SerialNode):
    """The node program, its files in `folder`."""

    def __init__(self, program: Path, folder: Path) -> None:
        super().__init__(ProcessStream([str(program)], folder), "the node program", patience=20.0)
