# SPDX-License-Identifier: Apache-2.0
"""What several test files share, made once."""

from pathlib import Path

import pytest
from support.nodes import build_node_program
from support.typed import Glimpse, typed


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The node as a program of this computer, with the default model built in."""
    return build_node_program(tmp_path_factory.mktemp("node"))


@pytest.fixture
def glimpse(capfd: pytest.CaptureFixture[str]) -> Glimpse:
    """`glimpse` as a person types it."""

    def run(*words: object) -> tuple[int, str, str]:
        code = typed(*words)
        return code, *capfd.readouterr()

    return run
