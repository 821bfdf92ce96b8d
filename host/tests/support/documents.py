# SPDX-License-Identifier: Apache-2.0
"""What a document says that a command prints."""

from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"


def shown(document: str, start: str) -> tuple[list[str], list[str]]:
    """The command in a document's indented block, and the lines below it.

    Args:
        document: name in docs/.
        start: how the block's first line begins.

    Returns:
        The command's words, and the lines that are not empty, each with single spaces.
    """
    lines = (DOCS / document).read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("    " + start))
    end = next(i for i in range(first, len(lines)) if lines[i] and not lines[i].startswith("    "))
    return lines[first].split(), [plain(line) for line in lines[first + 1 : end] if line.strip()]


def plain(line: str) -> str:
    """A line without a table's borders, with single spaces."""
    return " ".join(line.translate(str.maketrans("│┃", "  ")).split())
