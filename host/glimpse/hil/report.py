# SPDX-License-Identifier: Apache-2.0
"""The report of a hardware-in-the-loop run, as JSON.

Keys: glimpse (version), began (UTC, ISO 8601), seconds, targets, models, counts {passed, failed, skipped, error}, tests
[{test, target, model, outcome, seconds, why (skipped or failed: the reason's first line, else null), measured {name:
number}, wire (failed: what went over the line, else empty)}].
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from glimpse import __version__


@dataclass
class TestResult:
    """Of one test on one target."""

    __test__ = False

    test: str
    target: str | None
    model: str | None
    outcome: str
    seconds: float
    why: str | None = None
    measured: dict[str, float] = field(default_factory=dict)
    wire: list[str] = field(default_factory=list)


@dataclass
class Report:
    """Of a run."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    tests: list[TestResult] = field(default_factory=list)

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "glimpse": __version__,
            "began": self.began.isoformat(timespec="seconds"),
            "seconds": round((datetime.now(UTC) - self.began).total_seconds(), 1),
            "targets": sorted({test.target for test in self.tests if test.target}),
            "models": sorted({test.model for test in self.tests if test.model}),
            "counts": dict(sorted(Counter(test.outcome for test in self.tests).items())),
            "tests": [vars(test) for test in self.tests],
        }
