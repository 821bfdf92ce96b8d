# SPDX-License-Identifier: Apache-2.0
"""What "more here" saves: arithmetic by hand, and regions that MS-SSIM can be measured in."""

import numpy as np
import pytest
from glimpse.evaluation.more_here import box, savings, table
from glimpse.feedback import Region


def mask(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    result = np.zeros((224, 224), np.uint8)
    result[top:bottom, left:right] = 255
    return result


def test_a_region_holds_what_is_marked_and_is_large_enough():
    assert box(mask(80, 160, 16, 120), (28, 28)) == Region(10, 20, 2, 15)
    assert box(np.zeros((224, 224), np.uint8), (28, 28)) is None
    for top in (0, 100, 223):
        region = box(mask(top, top + 1, top, top + 1), (28, 28))
        assert region.bottom - region.top == region.right - region.left == 6  # 48 pixels: MS-SSIM takes 44 and more
        assert region.top <= top // 8 < region.bottom <= 28 and region.left >= 0


def test_savings_are_those_of_the_bytes_for_equal_quality():
    plain = [{"bytes": size, "inside": size / 1000, "whole": size / 1000} for size in (100, 500, 1000)]
    asked = [{"bytes": size, "inside": min(size / 500, 1), "whole": size / 2000} for size in (100, 500, 1000)]
    found = savings([{"plain": plain, "asked": asked}] * 3)
    assert [each["share"] for each in found] == [0.25, 0.5, 0.75]
    for each in found:
        assert each["plain_bytes"] == pytest.approx(1000 * each["share"])
        assert each["asked_bytes"] == pytest.approx(500 * each["share"], abs=1)
        assert each["saved"] == each["saved_low"] == each["saved_high"] == pytest.approx(0.5, abs=0.01)
        assert each["whole_asked"] == pytest.approx(each["whole_plain"] / 4, abs=0.01)
    assert "| 50 % (50 to 50) |" in table(found)


def test_what_is_never_reached_costs_the_whole_frame():
    plain = [{"bytes": 100, "inside": 0.9, "whole": 0.9}, {"bytes": 200, "inside": 0.95, "whole": 0.9}]
    asked = [{"bytes": 100, "inside": 0.1, "whole": 0.1}, {"bytes": 210, "inside": 0.2, "whole": 0.9}]
    assert savings([{"plain": plain, "asked": asked}])[0]["asked_bytes"] == 210
