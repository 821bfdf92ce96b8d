# SPDX-License-Identifier: Apache-2.0
"""What the documents keep of a command's numbers: everything but single photos, a line for each entry."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glimpse.errors import GlimpseError
from glimpse.evaluation.share import json_lines
from glimpse.files import write_whole


def read(file: Path, needed: str) -> dict[str, Any]:
    """Numbers that a command wrote with --json.

    Args:
        file: that it wrote.
        needed: key that they have.

    Raises:
        GlimpseError: unreadable, or of another command.
    """
    try:
        numbers = json.loads(file.read_text())
        numbers[needed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GlimpseError(f"{file} has no {needed}; give what the command wrote with --json") from error
    return numbers


def command_line(about: str | None, needed: str, markdown: Callable[[dict[str, Any]], str], single: str) -> int:
    """Prints the Markdown of a file of numbers; with --keep also writes it without single photos.

    Args:
        about: for --help.
        needed: key that the numbers have.
        markdown: of them.
        single: key of what is left out.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("numbers", type=Path)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the numbers there, without single photos")
    options = parser.parse_args()
    try:
        numbers = read(options.numbers, needed)
        print(markdown(numbers))
        if options.keep is not None:
            write_whole(options.keep, json_lines({key: value for key, value in numbers.items() if key != single}))
    except GlimpseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
