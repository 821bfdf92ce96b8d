# SPDX-License-Identifier: Apache-2.0
"""Builds the host's binding to the node's own C code, and puts the models into the wheel."""

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithModels(build_py):
    """Copies models/ to glimpse/_models of a built package; a checkout is read in place."""

    def run(self) -> None:
        """Builds as usual, then adds the models."""
        super().run()
        if self.editable_mode:
            return
        shipped = {"model.toml", "card.md", "encoder.tflite", "encoder.kmodel", "decoder.tflite", "tables.json"}
        shipped |= {"payloads.json", "bench-cortex-m33.json"}  # results that `glimpse plan` is made from
        for file in sorted([*(ROOT / "models").glob("*/*"), *(ROOT / "models").glob("*/results/*")]):
            if file.name in shipped:
                target = Path(self.build_lib) / "glimpse" / "_models" / file.relative_to(ROOT / "models")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


if not all((ROOT / ".deps" / name).is_dir() for name in ("cmsis_nn", "monocypher")):
    subprocess.run([sys.executable, str(ROOT / "boards/platform/tools/fetch_carriers.py")], check=True, cwd=ROOT)

setup(cffi_modules=["host/build_binding.py:builder"], cmdclass={"build_py": BuildWithModels})
