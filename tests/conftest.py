"""What every test shares: Hypothesis profiles, and the switch for slow tests."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# Time limits for one example say more about the machine than about the code.
settings.register_profile("default", deadline=None)
# The same examples every time: a red build is red for everyone.
settings.register_profile("ci", deadline=None, derandomize=True)
# Looks further than anyone wants to wait for in the day.
settings.register_profile("nightly", deadline=None, max_examples=2_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")
    parser.addoption(
        "--snapshot-update", action="store_true", help="write the expected texts of snapshots/ anew"
    )


def pytest_configure(config: pytest.Config) -> None:
    chosen = config.getoption("--hypothesis-profile", None)
    settings.load_profile(chosen or ("ci" if os.environ.get("CI") else "default"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has what it runs in the background ignore Ctrl-C, and so would the runs that tests interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow") or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run it with --slow or CI=1"))
