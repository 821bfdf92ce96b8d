# SPDX-License-Identifier: Apache-2.0
"""A minute of coverage-guided fuzzing over all parsers of the core, from the committed corpus."""

from pathlib import Path

import pytest
from support import libfuzzer

SECONDS = 60  # of all targets together


@pytest.mark.skipif(
    libfuzzer.compiler() is None, reason="no clang with libFuzzer (Debian 12: clang-14 libclang-rt-14-dev)"
)
@pytest.mark.parametrize("name", libfuzzer.TARGETS)
def test_nothing_breaks_a_parser(name: str, tmp_path: Path) -> None:
    assert any((libfuzzer.CORPUS / name).iterdir()), "the corpus is part of the repository"
    program = libfuzzer.build(name, tmp_path)
    assert libfuzzer.run(name, program, SECONDS // len(libfuzzer.TARGETS)) > 100
