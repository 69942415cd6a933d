"""A browser, started once for the tests of a file."""

from collections.abc import Iterator

import pytest

from support.peers.chromium import Chromium, Tab


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def tab(chromium: Chromium) -> Iterator[Tab]:
    """A tab; at the end nothing may have gone wrong in it."""
    one = chromium.tab()
    yield one
    faults = one.faults
    one.close()
    assert faults == []
