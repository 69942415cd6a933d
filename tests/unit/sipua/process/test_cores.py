"""How many processors are ours, by what the kernel says of our control group."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.process import cores


def group(root: Path, path: str, **files: str) -> None:
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def quotas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cgroup").mkdir()
    monkeypatch.setattr(cores, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "_OWN", tmp_path / "own")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(16)))
    return tmp_path


@pytest.mark.parametrize(
    ("own", "groups", "expected"),
    [
        ("0::/\n", {"": {"cpu__max": "max 100000\n"}}, 16),
        ("0::/\n", {"": {"cpu__max": "400000 100000\n"}}, 4),
        ("0::/\n", {"": {"cpu__max": "50000 100000\n"}}, 1),
        ("0::/\n", {"": {"cpu__max": "250000 100000\n"}}, 2),
        ("0::/\n", {}, 16),
        ("0::/\n", {"": {"cpu__max": "nonsense"}}, 16),
        # The group above is the narrower one.
        (
            "0::/pod/app\n",
            {"pod": {"cpu__max": "300000 100000"}, "pod/app": {"cpu__max": "max 100000"}},
            3,
        ),
        # Version 1.
        (
            "4:memory:/x\n1:cpu,cpuacct:/box\n",
            {"cpu/box": {"cpu__cfs_quota_us": "200000", "cpu__cfs_period_us": "100000"}},
            2,
        ),
        (
            "1:cpu:/\n",
            {"cpu": {"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"}},
            16,
        ),
    ],
)
def test_the_narrowest_limit_counts(
    quotas: Path, own: str, groups: dict[str, dict[str, str]], expected: int
) -> None:
    (quotas / "own").write_text(own)
    for path, files in groups.items():
        group(quotas / "cgroup", path, **files)
    assert cores.usable() == expected


def test_without_proc_it_is_the_affinity(quotas: Path) -> None:
    assert cores.usable() == 16
