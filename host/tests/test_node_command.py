# SPDX-License-Identifier: Apache-2.0
"""`glimpse node` as a person types it."""

import json

import pytest
from glimpse.times import seconds


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("status", "--target", "native"), "native"),
        (("set", "--target", "sim:cortex-m33"), "nothing to set"),
        (("set", "--target", "sim:cortex-m33", "--period", "soon"), "not a time"),
        (("set", "--target", "sim:cortex-m33", "--crop", "1,2,3"), "not a crop"),
        (("set", "--target", "sim:cortex-m33", "--payload", "10"), "11 bytes at least"),
        (("modem", "--target", "sim:cortex-m33", "--dialect", "morse"), "no modem speaks morse"),
    ],
)
def test_wrong_usage_is_said_before_a_node_is_asked(glimpse, words, why):
    code, _, err = glimpse("node", *words)
    assert code == 2
    assert why in err


def test_times():
    assert [seconds(text) for text in ("90", "90s", "15m", "1h", "2d")] == [90, 90, 900, 3600, 172800]


def test_settings_of_an_emulated_board(glimpse):
    target = ("--target", "sim:cortex-m33")
    code, out, err = glimpse("node", "set", *target, "--period", "1h", "--crop", "64,191,0,255", "--json", "-")
    assert code == 0, err
    seen = json.loads(out)
    assert (seen["settings"]["period"], seen["settings"]["crop"]) == (3600, [64, 191, 0, 255])
    assert seen["answer"] == {"sequence": 0, "result": "done", "command": 0}
    code, out, err = glimpse("node", "modem", *target, "--dialect", "e5", "--dr", "3", "--no-adr", "--pattern")
    assert (code, out) == (0, "sim:cortex-m33: on its own, e5, EU868\n"), err
    code, out, err = glimpse("node", "reboot", *target)
    assert (code, out) == (0, "sim:cortex-m33: start 2\n"), err
    code, _, err = glimpse("node", "set", *target, "--slot", "1")
    assert code == 1
    assert "slot is out of range, or the node has no such model" in err
    code, _, err = glimpse("node", "modem", *target, "--dialect", "e5", "--region", "MARS")
    assert code == 2
    assert "there is no region 'MARS'; choose one of EU868" in err
