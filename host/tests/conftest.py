# SPDX-License-Identifier: Apache-2.0
"""What several test files share, made once."""

from pathlib import Path

import pytest
from support.nodes import build_node_program


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The node as a program of this computer, with the default model built in."""
    return build_node_program(tmp_path_factory.mktemp("node"))
