"""The parts of pjsua2's build that need no compiler: cache, source, version, messages."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).parent.parent.parent.parent / "scripts" / "build_pjsua2"
MODULES = ["shell", "wheel", "cache", "source"]
SOURCE = "a" * 64


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """The modules of the script, on an empty cache."""
    monkeypatch.setenv("SIPUA_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(FOLDER))
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in MODULES:
        del sys.modules[name]  # names this common must not stay importable


@pytest.fixture
def wheel_file(tmp_path: Path) -> Path:
    path = tmp_path / "pjsua2_python-2.17+sipua1-cp311.whl"
    path.write_bytes(b"a wheel")
    return path


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER), *arguments]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_a_stored_wheel_is_found(build: SimpleNamespace, wheel_file: Path) -> None:
    assert build.cache.find_wheel(None) is None
    stored = build.cache.store(wheel_file, build.cache.key("2.17", SOURCE))
    assert stored.name == wheel_file.name
    assert build.cache.find_wheel(None) == stored
    assert build.cache.find_wheel(SOURCE) == stored
    assert build.cache.find_wheel("b" * 64) is None


def test_storing_again_replaces(build: SimpleNamespace, wheel_file: Path) -> None:
    key = build.cache.key("2.17", SOURCE)
    build.cache.store(wheel_file, key)
    wheel_file.write_bytes(b"a better wheel")
    stored = build.cache.store(wheel_file, key)
    assert build.cache.find_wheel(None) == stored
    assert stored.read_bytes() == b"a better wheel"


def test_the_newest_of_several_wins(build: SimpleNamespace, wheel_file: Path) -> None:
    for age, version in enumerate(["2.18", "2.17"]):
        stored = build.cache.store(wheel_file, build.cache.key(version, SOURCE))
        os.utime(stored.parent, (1000 - age, 1000 - age))
    assert build.cache.find_wheel(None).parent.name.startswith("2.18-")


@pytest.mark.parametrize("damage", ["content", "checksum", "no checksum", "no wheel"])
def test_a_damaged_entry_is_not_used(build: SimpleNamespace, wheel_file: Path, damage: str) -> None:
    stored = build.cache.store(wheel_file, build.cache.key("2.17", SOURCE))
    match damage:
        case "content":
            stored.write_bytes(b"a whee")
        case "checksum":
            (stored.parent / "sha256").write_text("0")
        case "no checksum":
            (stored.parent / "sha256").unlink()
        case "no wheel":
            stored.unlink()
    assert build.cache.find_wheel(None) is None


def test_another_recipe_has_another_key(
    build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = build.cache.key("2.17", SOURCE)
    (tmp_path / "config_site.h").write_text("#define PJSUA_MAX_CALLS 8")
    monkeypatch.setattr(build.wheel, "RECIPE", [tmp_path / "config_site.h"])
    build.cache._suffix.cache_clear()
    assert build.cache.key("2.17", SOURCE) != before


@pytest.mark.parametrize(("revision", "version"), [("", "2.17"), ("1", "2.17.1")])
def test_version_of_a_source_tree(
    build: SimpleNamespace, tmp_path: Path, revision: str, version: str
) -> None:
    (tmp_path / "version.mak").write_text(
        "export PJ_VERSION_MAJOR  := 2\nexport PJ_VERSION_MINOR  := 17\n"
        f"export PJ_VERSION_REV    := {revision}\nexport PJ_VERSION_SUFFIX :=\n"
    )
    assert build.wheel.version(tmp_path) == version


def test_the_mirror_is_the_systems_but_not_the_security_archive(
    build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = "http://a/debian-security/ bookworm-security\nhttp://b/debian/ bookworm\n"
    monkeypatch.setattr(build.source, "output", lambda *_: targets)
    assert build.source._mirror() == "http://b/debian/"
    monkeypatch.setattr(build.source, "output", lambda *_: "")
    with pytest.raises(build.shell.BuildError, match="PJPROJECT_SOURCE"):
        build.source._mirror()


def test_a_failing_command_shows_the_end_of_the_log(build: SimpleNamespace, tmp_path: Path) -> None:
    shell = build.shell.Shell(tmp_path / "log")
    with pytest.raises(build.shell.BuildError, match=r"(?s)exit code 3.*log:.*no space") as error:
        shell.run("sh", "-c", "echo no space left; exit 3", cwd=tmp_path)
    assert str(tmp_path / "log") in str(error.value)


def test_nothing_cached_is_an_exit_code(tmp_path: Path) -> None:
    result = run("--cached", SIPUA_CACHE=str(tmp_path), PJPROJECT_SOURCE="")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "")


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = run(SIPUA_CACHE=str(tmp_path), PJPROJECT_SOURCE="/nowhere.tar.gz")
    assert result.returncode == 1
    assert result.stderr == "error: PJPROJECT_SOURCE=/nowhere.tar.gz: there is no such file\n"
