"""Settings of the whole suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, settings

from neurodeploy.backends import lava
from neurodeploy.backends.lava import simulation as lava_simulation

TABLES = {
    *("test_snntorch_combinations", "test_norse_combinations", "test_norse_round_trips"),
    *("test_other_readers", "test_snntorch", "test_norse"),
}
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def session() -> Iterator[lava.Session]:
    """Lava takes two seconds to import, in a worker process that any test may use."""
    with lava.Session() as session:
        yield session


@pytest.fixture
def one_worker(session: lava.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that bring no session of their own take the suite's instead of starting one."""
    monkeypatch.setattr(lava_simulation, "Session", lambda: nullcontext(session))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one table stand first, side by side: the process that exports its combinations
    for one of them has them for all, and another takes tests from the end."""
    items.sort(key=lambda item: item.path.stem not in TABLES)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """With --no-skips, what cannot run has failed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --no-skips was given: {report.longrepr}"
