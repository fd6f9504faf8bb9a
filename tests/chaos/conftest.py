"""These tests log nothing, for an outbox cut off ten thousand times says so each time; at the end they say what they tried."""

import logging
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import structlog


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """What tells how much a test has tried, after the run."""
    return partial(record_property, "tried")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed")
    if tried := [value for report in reports for name, value in report.user_properties if name == "tried"]:
        terminalreporter.section("faults tried")
        for line in tried:
            terminalreporter.line(line)
