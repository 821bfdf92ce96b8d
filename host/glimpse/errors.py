# SPDX-License-Identifier: Apache-2.0
"""Errors as sentences: what is wrong and what to do."""


class GlimpseError(Exception):
    """Something failed; the message is one sentence for a person. The command line exits with 1."""


class UsageError(GlimpseError):
    """The command was asked for something that it cannot mean. The command line exits with 2."""
