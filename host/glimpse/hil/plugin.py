# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: options, fixtures, markers, and what a run reports. docs/hil.md says how to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.files import write_json
from glimpse.hil.device import Device, NoPowerSwitchError, check_target, check_tools, open_device
from glimpse.hil.report import Report, TestResult
from glimpse.targets.client import SerialNode

EMULATED = ("sim:cortex-m7", "sim:cortex-m33")
REPORT = pytest.StashKey[Report]()
FLASHED = pytest.StashKey[set[tuple[str, str]]]()
REACHED = pytest.StashKey[dict[tuple[str, str], bool]]()
"""By target and folder of the model, once it was asked for: the node has been there."""
Measure = Callable[[str, float], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `glimpse.hil`."""
    group = parser.getgroup("glimpse", "nodes in the loop")
    words = (
        f"a node to test: sim:cortex-m7, serial:/dev/ttyACM0, ...; repeat for several (default: {', '.join(EMULATED)})"
    )
    group.addoption("--target", action="append", default=None, metavar="TARGET", help=words)
    group.addoption("--hil-model", action="append", default=None, metavar="NAME", help="model that the nodes run")
    group.addoption("--board", default=None, help="the board behind a serial target, for --flash")
    group.addoption("--flash", action="store_true", help="program the board before its first test")
    group.addoption("--power", default=None, metavar="COMMAND", help="a power switch, called with off and on")
    group.addoption("--long", action="store_true", help="everything, in full length")
    group.addoption("--hil-json", default=None, metavar="FILE", help="write a report; - for standard output")


def pytest_configure(config: pytest.Config) -> None:
    """Markers; and options that mean nothing are told before any test."""
    config.addinivalue_line("markers", "hil: talks to a node, real or emulated")
    config.addinivalue_line("markers", "long: only with --long")
    config.addinivalue_line("markers", "power: takes the node's power away")
    config.stash[REPORT] = Report()
    config.stash[FLASHED] = set()
    config.stash[REACHED] = {}
    options = config.getoption
    targets = options("--target") or []
    try:
        for target in targets:
            check_target(target)
        check_tools(targets, options("--board"), flash=options("--flash"), power=options("--power"))
        for name in options("--hil-model") or ():
            zoo.load(name)
    except GlimpseError as error:
        raise pytest.UsageError(str(error)) from error


def _usual_model(target: str) -> str:
    """K210 boards run one of their own."""
    return "starfish" if target == "sim:k210" or target.startswith("maix:") else zoo.DEFAULT


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that has a device runs on every target, with every model."""
    if "device" not in metafunc.fixturenames:
        return
    targets = metafunc.config.getoption("--target") or list(EMULATED)
    models = metafunc.config.getoption("--hil-model")
    pairs = [(target, model) for target in targets for model in models or [_usual_model(target)]]
    metafunc.parametrize(("hil_target", "hil_model"), pairs, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what talks to nodes, and leaves out what takes long."""
    for item in items:
        if "device" not in getattr(item, "fixturenames", ()):
            continue
        item.add_marker("hil")
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="takes long; --long runs it"))


# ---- fixtures


def _lost(target: str) -> str:
    return f"{target} could not be had"


def _had(request: pytest.FixtureRequest, device: Device, action: Callable[[], Any]) -> Any:
    """What `action` gives. A node that cannot be had fails in a sentence; one that never could be, once: what else is
    for it does not run.
    """
    reached = request.config.stash[REACHED]
    pair = (device.target, str(device.model.folder))
    if reached.get(pair) is False:
        pytest.skip(_lost(device.target))
    try:
        return action()
    except GlimpseError as error:
        why = str(error)
    reached.setdefault(pair, False)
    pytest.fail(why, pytrace=False)  # out here: the sentence, not what lay behind it


@pytest.fixture
def device(request: pytest.FixtureRequest, hil_target: str, hil_model: str, tmp_path: Path) -> Iterator[Device]:
    """The node under test with all that can be done to it; not yet connected."""
    config = request.config
    options = config.getoption
    request.node.user_properties += [("target", hil_target), ("model", hil_model)]
    found = open_device(hil_target, zoo.load(hil_model), tmp_path, options("--board"), options("--power"))
    request.node.glimpse_device = found
    if options("--flash") and (hil_target, hil_model) not in config.stash[FLASHED]:
        _had(request, found, found.flash)
        config.stash[FLASHED].add((hil_target, hil_model))
    yield found
    found.close()


@pytest.fixture
def node(request: pytest.FixtureRequest, device: Device) -> SerialNode:
    """The node, connected, running the model."""
    found = _had(request, device, device.open)
    request.config.stash[REACHED][device.target, str(device.model.folder)] = True
    return found


@pytest.fixture
def needs(device: Device) -> Callable[[str], None]:
    """Skips where nodes of this kind lack something, one of glimpse.hil.device's words for it."""

    def check(what: str) -> None:
        if what in device.lacks:
            pytest.skip(f"{device.target} lacks {what}")

    return check


@pytest.fixture
def reset(node: SerialNode) -> Callable[[], SerialNode]:
    """Restarts the node by request, which every node can, and waits until it answers again."""

    def restart() -> SerialNode:
        node.request("NODE_RESET")
        node.identify()
        return node

    return restart


@pytest.fixture
def power(request: pytest.FixtureRequest, device: Device) -> Callable[[], SerialNode]:
    """Cuts the node's power and connects again; skips where nothing can."""

    def cut() -> SerialNode:
        try:
            return device.cut_power()
        except NoPowerSwitchError as error:
            pytest.skip(str(error))

    return cut


@pytest.fixture
def count(request: pytest.FixtureRequest, device: Device) -> Callable[..., int]:
    """How often something is done: count(short=, long=, board=): `long` with --long, `board` on a real one."""

    def choose(*, short: int, long: int, board: int) -> int:
        if not device.emulated:
            return board
        return long if request.config.getoption("--long") else short

    return choose


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Notes a number for the report: measure("stack peak, bytes", 724)."""

    def note(name: str, value: float) -> None:
        request.node.user_properties.append((f"measured {name}", float(value)))  # plain: workers send it on

    return note


# ---- what a run says


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failure shows what was on the wire, and a broken node is a failure in one sentence."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    device: Device | None = getattr(item, "glimpse_device", None)
    if device is None or not report.failed:
        return
    if call.excinfo is not None and call.excinfo.errisinstance(GlimpseError):
        report.sections.append(("what the node said", str(call.excinfo.value)))
    for number, wire in enumerate(device.wires, 1):
        name = "on the wire" if len(device.wires) == 1 else f"on the wire, connection {number}"
        report.sections.append((name, "\n".join(wire.lines()) or "nothing"))


def _why(report: pytest.TestReport) -> str | None:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        return (crash.message if crash is not None else str(report.longrepr)).splitlines()[0]
    return None


def _result(report: pytest.TestReport) -> TestResult:
    properties = dict(report.user_properties)
    outcome = "error" if report.failed and report.when != "call" else report.outcome
    return TestResult(
        report.nodeid,
        properties.get("target"),
        properties.get("model"),
        outcome,
        round(report.duration, 3),
        _why(report),
        {name.removeprefix("measured "): value for name, value in properties.items() if name.startswith("measured ")},
        [line for name, text in report.sections if name.startswith("on the wire") for line in text.splitlines()],
    )


class _Collector:
    """Gathers results where they end up: in the one process, or in the one that has workers."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        on_node = "hil" in report.keywords
        if on_node and (report.when == "call" or (report.when == "setup" and not report.passed)):
            self.config.stash[REPORT].tests.append(_result(report))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        tests = self.config.stash[REPORT].tests
        if not tests or self.config.getoption("--target") is None:
            return
        terminalreporter.section("nodes")
        for target in sorted({test.target or "?" for test in tests}):
            own = [test for test in tests if (test.target or "?") == target]
            words = (f"{sum(test.outcome == name for test in own)} {name}" for name in ("passed", "failed", "error"))
            terminalreporter.line(f"{target}: {', '.join(words)}")
            lost = _lost(target)
            for test in own:
                name = test.test.rsplit("::", 1)[-1]
                for what, value in test.measured.items():
                    terminalreporter.line(f"  {name}: {what} {value:,.6g}")
                if test.outcome == "skipped" and test.why != lost:
                    terminalreporter.line(f"  {name} did not run: {test.why}")
            missed = sum(test.why == lost for test in own)
            if missed:
                terminalreporter.line(f"  {missed} more did not run: {lost}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begins the report."""
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(_Collector(session.config), "glimpse-hil-report")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes it."""
    where = session.config.getoption("--hil-json")
    if where and not hasattr(session.config, "workerinput"):
        try:
            write_json(where, session.config.stash[REPORT].numbers())
        except GlimpseError as error:
            raise pytest.UsageError(str(error)) from error
