"""Who gets which core: workers first, callers never on a worker's."""

from __future__ import annotations

import pytest

from sipua.bench.common.cores import Layout, layout


@pytest.mark.parametrize(
    ("cores", "workers", "expected"),
    [
        (1, 1, None),
        (2, 2, None),
        (2, 1, Layout(edge=1, workers=(1,), callers=0, agent=0)),
        (3, 1, Layout(edge=1, workers=(2,), callers=0, agent=0)),
        (4, 2, Layout(edge=1, workers=(2, 3), callers=0, agent=0)),
        (6, 2, Layout(edge=1, workers=(4, 5), callers=0, agent=2)),
    ],
)
def test_cores(cores: int, workers: int, expected: Layout | None) -> None:
    assert layout(range(cores), workers) == expected


def test_only_usable_cores_are_given() -> None:
    assert layout({5, 9}, 1) == Layout(edge=9, workers=(9,), callers=5, agent=5)


def test_what_is_shared_is_said() -> None:
    shared = layout(range(2), 1)
    parted = layout(range(6), 2)
    assert shared
    assert parted
    assert "share" in shared.words()
    assert "share" not in parted.words()
