# SPDX-License-Identifier: Apache-2.0
"""How files of test vectors are written: JSON that a person can read and a difference shows line by line."""

import json


def vector_file(about: str, **parts: object) -> str:
    """The file's text, a line for each object of a list.

    Args:
        about: what the fields mean.
        parts: by name, in their order.
    """
    lines = []
    for name, part in {"about": about, **parts}.items():
        if isinstance(part, list) and part and isinstance(part[0], dict):
            text = "[\n" + ",\n".join(map(json.dumps, part)) + "\n]"
        else:
            text = json.dumps(part)
        lines.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
