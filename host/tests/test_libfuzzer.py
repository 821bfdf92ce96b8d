# SPDX-License-Identifier: Apache-2.0
"""A minute of coverage-guided fuzzing over all parsers of the core, from the committed corpus."""

from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest
from support import libfuzzer

SECONDS = 60  # of all targets together, compiling them included
REACHED = 30  # places in the code that the poorest corpus must reach: a header that is refused reaches about ten


@dataclass
class Minute:
    """Where the programs lie, as targets share most of their object files, and what is left to do until when."""

    folder: Path
    ends: float
    targets: int = len(libfuzzer.TARGETS)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Minute:
    return Minute(tmp_path_factory.mktemp("libfuzzer"), monotonic() + SECONDS)


@pytest.mark.skipif(
    libfuzzer.compiler() is None, reason="no clang with libFuzzer (Debian 12: clang-14 libclang-rt-14-dev)"
)
@pytest.mark.parametrize("name", libfuzzer.TARGETS)
def test_nothing_breaks_a_parser(name: str, minute: Minute) -> None:
    corpus = sorted((libfuzzer.CORPUS / name).iterdir())
    assert corpus, "the corpus is part of the repository"
    program = libfuzzer.build(name, minute.folder)
    share = (minute.ends - monotonic()) / minute.targets
    minute.targets -= 1
    ran = libfuzzer.run(name, program, max(1, round(share)))
    assert ran.inputs > 100
    assert ran.reached > REACHED, "the corpus is of another format: make it anew"
    assert sorted((libfuzzer.CORPUS / name).iterdir()) == corpus, "and only grows when asked to"
