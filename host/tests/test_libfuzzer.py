# SPDX-License-Identifier: Apache-2.0
"""A minute of coverage-guided fuzzing over all parsers of the core, from the committed corpus."""

from pathlib import Path
from time import monotonic

import pytest
from support import libfuzzer

SECONDS = 60  # of all targets together, compiling them included


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the programs: targets share most of their object files."""
    return tmp_path_factory.mktemp("libfuzzer")


@pytest.mark.skipif(
    libfuzzer.compiler() is None, reason="no clang with libFuzzer (Debian 12: clang-14 libclang-rt-14-dev)"
)
@pytest.mark.parametrize("name", libfuzzer.TARGETS)
def test_nothing_breaks_a_parser(name: str, folder: Path) -> None:
    assert any((libfuzzer.CORPUS / name).iterdir()), "the corpus is part of the repository"
    started = monotonic()
    program = libfuzzer.build(name, folder)
    left = SECONDS / len(libfuzzer.TARGETS) - (monotonic() - started)
    assert libfuzzer.run(name, program, max(1, round(left))) > 100
