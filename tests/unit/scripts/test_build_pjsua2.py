"""The parts of pjsua2's build that need no compiler: cache, source, version, messages."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent.parent.parent / "scripts" / "build_pjsua2"
MODULES = ["shell", "kinds", "wheel", "cache", "source", "progress"]
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


SHOWSRC = """\
Package: asterisk
Binary: asterisk, asterisk-modules
Version: 1:22.10.1+dfsg+~cs6.17.60671434-1
Checksums-Sha256:
 {other} 11352 asterisk_22.10.1+dfsg+~cs6.17.60671434.orig-Xamr.tar.xz
 {other} 833 asterisk_22.10.1+dfsg+~cs6.17.60671434.orig-Xpjproject.tar.xz.asc
 {digest} 6219052 asterisk_22.10.1+dfsg+~cs6.17.60671434.orig-Xpjproject.tar.xz
Directory: pool/main/a/asterisk

Package: asterisk
Version: 1:23.0-1
Checksums-Sha256:
 {other} 6776044 asterisk_23.0.orig.tar.xz
"""


def test_H12_a_suite_offers_what_has_pjproject_in_it(build: SimpleNamespace) -> None:
    text = SHOWSRC.format(digest=SOURCE, other="c" * 64)
    (offer,) = build.source.read_offers("sid", text)
    assert offer == build.source.Offer("sid", "1:22.10.1+dfsg+~cs6.17.60671434-1", SOURCE)
    assert build.source.read_offers("stable", "") == []


def test_H12_the_proved_source_is_taken_from_whichever_suite_has_it(build: SimpleNamespace) -> None:
    (proved,) = build.source.PROVED
    newer = build.source.Offer("sid", "1:23.0-1", "d" * 64)
    known = build.source.Offer("testing", "1:22.10-1", proved)
    asked: list[str] = []

    def suites(*offers: Any) -> Iterator[Any]:
        for offer in offers:
            asked.append(offer.suite)
            yield offer

    assert build.source.choose(suites(newer, known)) is known
    assert build.source.choose(suites(newer)) is newer
    assert build.source.choose(suites()) is None
    assert build.source.choose(suites(newer, known), newest=True) is newer
    asked.clear()
    assert build.source.choose(suites(known, newer)) is known
    assert asked == ["testing"]  # no further suite is downloaded


def test_H12_another_source_is_warned_about(build: SimpleNamespace) -> None:
    (proved,) = build.source.PROVED
    assert build.source.doubt("2.17", proved) is None
    assert "pjproject 2.18 was not proved with sipua, 2.17 was" in build.source.doubt(
        "2.18", SOURCE
    )
    assert "not Debian's" in build.source.doubt("2.17", SOURCE)


@pytest.fixture
def main(build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The program, given a pjproject 2.99 and no need to compile it."""
    spec = importlib.util.spec_from_file_location("build_pjsua2_main", FOLDER / "__main__.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_need_packages", lambda: None)
    monkeypatch.setattr(build.wheel, "unpack", lambda *_: tmp_path)
    monkeypatch.setattr(build.wheel, "version", lambda _: "2.99")
    monkeypatch.setattr(build.wheel, "check", lambda *_: "1024 calls")
    return module


def test_H12_another_version_is_taken_if_it_builds(
    build: SimpleNamespace,
    main: Any,
    monkeypatch: pytest.MonkeyPatch,
    wheel_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(build.wheel, "build", lambda *_: wheel_file)
    built = main._build(wheel_file, update=False)  # any file does for a tarball here
    assert built.read_bytes() == wheel_file.read_bytes()
    said = capsys.readouterr().err
    assert "warning: pjproject 2.99 was not proved with sipua, 2.17 was\n" in said
    assert main._build(wheel_file, update=False) == built
    assert capsys.readouterr().err == ""  # from the cache


@pytest.mark.parametrize("fault", [FileNotFoundError("sip_ua_layer.c"), None])
def test_H12_another_version_that_we_cannot_mend_is_named(
    build: SimpleNamespace,
    main: Any,
    monkeypatch: pytest.MonkeyPatch,
    wheel_file: Path,
    fault: OSError | None,
) -> None:
    def fail(*_: Any) -> None:
        raise fault or build.shell.BuildError("sip_ua_layer.c: 0 places for a mend")

    monkeypatch.setattr(build.wheel, "build", fail)
    with pytest.raises(build.shell.BuildError) as error:
        main._build(wheel_file, update=False)
    for word in ("sip_ua_layer.c", "2.99 was not proved", "PJPROJECT_SOURCE"):
        assert word in str(error.value)
    assert build.cache.find_wheel(None) is None


def test_H12_a_suite_that_cannot_be_read_is_passed_over(
    build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """sid does not answer, testing has it: apt is asked for that version, in folders of its own."""
    (proved,) = build.source.PROVED
    commands: list[tuple[str, ...]] = []

    class Apt:
        def run(self, *command: str | Path, cwd: Path) -> None:
            commands.append(tuple(map(str, command)))
            if "update" in command and cwd.name == "sid":
                raise build.shell.BuildError("apt-get failed:\nE: no Release file")
            if "source" in command:
                (cwd / "asterisk_22.orig-Xpjproject.tar.xz").touch()
                (cwd / "asterisk_22.orig-Xpjproject.tar.xz.asc").touch()

    monkeypatch.setattr(build.source, "KEYRINGS", [tmp_path])
    monkeypatch.setattr(build.source.shutil, "which", lambda name: name)
    monkeypatch.setenv("SIPUA_DEBIAN_MIRROR", "http://mirror.example/debian")
    text = SHOWSRC.format(digest=proved, other="c" * 64)
    monkeypatch.setattr(build.source, "output", lambda *_: text)
    found = build.source.fetch(tmp_path, Apt(), newest=False)
    assert found == tmp_path / "testing" / "asterisk_22.orig-Xpjproject.tar.xz"
    assert commands[-1][-1] == "asterisk=1:22.10.1+dfsg+~cs6.17.60671434-1"
    assert (
        "http://mirror.example/debian testing main"
        in (tmp_path / "testing" / "sources.list").read_text()
    )


def test_H12_where_no_suite_has_it_the_reasons_are_told(
    build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Apt:
        def run(self, *_: str | Path, cwd: Path) -> None:
            if cwd.name != "stable":
                raise build.shell.BuildError(f"apt-get failed:\nE: {cwd.name} does not answer")

    monkeypatch.setattr(build.source, "KEYRINGS", [tmp_path])
    monkeypatch.setattr(build.source.shutil, "which", lambda name: name)
    monkeypatch.setenv("SIPUA_DEBIAN_MIRROR", "http://mirror.example/debian")
    monkeypatch.setattr(build.source, "output", lambda *_: "")
    with pytest.raises(build.shell.BuildError) as error:
        build.source.fetch(tmp_path, Apt(), newest=False)
    for word in ("mirror.example", "sid does not", "testing does not", "PJPROJECT_SOURCE"):
        assert word in str(error.value)


def test_H12_a_long_build_says_how_far_it_is(build: SimpleNamespace) -> None:
    describe = build.progress.describe
    assert describe("\n$ ./configure --enable-epoll\nchecking\n") == "still at configure"
    compiled = "gcc -Wall \\\n\t-c -o output/pjlib-x86_64/sock.o \\\n\t../src/pj/sock.c\n"
    log = f"\n$ ./configure\n\n$ nice make -j2 lib\n{compiled * 3}ar rv x.a output/y.o\n"
    assert describe(log) == f"compiled 3 of about {build.progress.FILES} files"
    assert "last step" in describe(f"{log}\n$ nice /tmp/venv/bin/python -m pip wheel /tmp/wheel\n")
    assert build.progress.expected(2) == "about 3 minutes"
    assert build.progress.expected(None) == "about 4 minutes"


def test_H12_a_command_that_takes_long_gives_signs_of_life(
    build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build.shell, "BEAT_S", 0.01)
    beats: list[str] = []
    gate = tmp_path / "gate"

    def on_beat(log: str) -> None:
        beats.append(log)
        gate.touch()

    shell = build.shell.Shell(tmp_path / "log", on_beat)
    shell.run("sh", "-c", "until [ -e gate ]; do sleep 0.01; done", cwd=tmp_path)
    assert beats
    assert "$ sh -c" in beats[0]


def test_H12_pip_failing_inside_the_build_is_one_line(
    build: SimpleNamespace, tmp_path: Path
) -> None:
    pip = tmp_path / "pip.sh"
    pip.write_text("echo \"connection broken by 'Connection refused'\"; exit 1\n")
    shell = build.shell.Shell(tmp_path / "log")
    with pytest.raises(build.shell.BuildError, match="cannot be reached: the connection is ref"):
        shell.run("sh", pip, "pip", "install", cwd=tmp_path)


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
