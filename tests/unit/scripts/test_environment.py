"""The decisions of `make run` and `make dev`: what is set up, and when nothing has to be."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
OURS, NEWER = "a" * 64, "b" * 64  # checksums of production builds
NOW, THEN = "inputs of now", "inputs of then"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import environment

    yield environment
    for name in ("environment", "pip_trouble"):
        del sys.modules[name]


@pytest.mark.parametrize(
    ("wanted", "built", "inputs", "has", "step"),
    [
        # A first start: what is at hand, else the quick one.
        ("best", None, None, None, "INDEX"),
        ("best", OURS, None, None, "INSTALL"),
        ("production", None, None, None, "BUILD"),
        ("index", OURS, None, None, "INDEX"),
        # A second start.
        ("best", OURS, NOW, OURS, "NOTHING"),
        ("best", None, NOW, "index", "NOTHING"),
        ("production", OURS, NOW, OURS, "NOTHING"),
        ("index", OURS, NOW, "index", "NOTHING"),
        ("index", None, NOW, "none", "NOTHING"),
        # The cache was emptied, or lies on a disk that is not there: what runs is left alone.
        ("best", None, NOW, OURS, "NOTHING"),
        ("production", None, NOW, OURS, "BUILD"),
        # A newer build, or one where there was none.
        ("best", NEWER, NOW, OURS, "INSTALL"),
        ("best", OURS, NOW, "index", "INSTALL"),
        ("production", OURS, NOW, "index", "INSTALL"),
        # Another commit: set up anew, and it does not fall back to four calls.
        ("best", OURS, THEN, OURS, "INSTALL"),
        ("best", None, THEN, "index", "INDEX"),
        ("best", None, THEN, OURS, "BUILD"),
        ("index", None, THEN, "none", "INDEX"),
    ],
)
def test_H12_what_is_to_be_done(
    environment: Any, *, wanted: str, built: str | None, inputs: str | None, has: str, step: str
) -> None:
    stamp = environment.Stamp(inputs, has) if inputs else None
    assert environment.choose(wanted, built, stamp, NOW) is environment.Step[step]


class Machine:
    """What the set-up asks of the world, and what it was asked."""

    def __init__(self, environment: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.module = environment
        self.folder = folder
        self.cached: Path | None = None
        self.index = ""  # what pip prints, if it fails to get pjsua2 from there
        self.asked: list[str] = []
        monkeypatch.setattr(environment, "find_pjsua2", lambda: self.cached)
        monkeypatch.setattr(environment, "build_pjsua2", self._build)
        monkeypatch.setattr(environment, "_run", self._run)

    def start(self, wanted: str) -> list[str]:
        """What it did about it."""
        self.asked = []
        self.module.main(self.folder, "run", wanted)
        return self.asked

    def stamp(self) -> str:
        return (self.folder / "stamp").read_text().split()[1]

    def _build(self, **_: bool) -> Path:
        self.asked.append("build")
        self.cached = self.folder.parent / "pjsua2_python-2.17+sipua2-cp313.whl"
        self.cached.write_bytes(b"a wheel")
        return self.cached

    def _run(self, *command: str | Path, **_: Any) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        output, code = "", 0
        if "venv" in words:
            self.asked.append("venv")
            (self.folder / "bin").mkdir(parents=True)
            (self.folder / "bin" / "python").touch()
        elif self.module.ASK_IDENTITY in words:
            output = self.module.IDENTITY
        elif "install" in words:
            self.asked.append("index" if "--only-binary" in words else "pip")
            if "--only-binary" in words and self.index:
                output, code = self.index, 1
        return subprocess.CompletedProcess(command, code, output, "")


@pytest.fixture
def machine(environment: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(environment, monkeypatch, tmp_path / ".venv")


NO_WHEEL = "ERROR: No matching distribution found for pjsua2-python==2.15.1.post1\n"
NO_NETWORK = f"WARNING: Retrying after connection broken by 'Connection refused'\n{NO_WHEEL}"


def test_H12_the_second_start_asks_nobody(machine: Machine) -> None:
    assert machine.start("best") == ["venv", "index", "pip", "pip"]
    assert machine.stamp() == "index"
    assert machine.start("best") == []


def test_H12_where_the_index_has_no_wheel_it_is_built(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.index = NO_WHEEL
    assert machine.start("best") == ["venv", "index", "build", "pip", "pip", "pip"]
    said = capsys.readouterr().err
    assert "the package index has no pjsua2-python for Python 3" in said
    assert "building the production one" in said
    assert "ERROR" not in said
    assert machine.start("best") == []
    machine.cached = None
    assert machine.start("best") == []


def test_H12_without_network_nothing_is_built(machine: Machine) -> None:
    machine.index = NO_NETWORK
    with pytest.raises(machine.module.SetupError, match="cannot be reached: the connection is ref"):
        machine.start("best")
    assert machine.asked == ["venv", "index"]
    machine.index = ""
    assert machine.start("best") == ["index", "pip", "pip"]  # what failed is tried again


def test_H12_an_environment_for_the_index_may_stay_empty(machine: Machine) -> None:
    machine.index = NO_WHEEL
    assert machine.start("index") == ["venv", "index"]
    assert "no pjsua2-python for Python 3" in (machine.folder / "lack").read_text()
    assert not (machine.folder / "bin").exists()
    assert machine.start("index") == []


def test_H12_who_waits_for_another_make_is_told(
    environment: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    with (tmp_path / ".venv.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def say(text: str) -> None:
            said.append(text)
            fcntl.flock(other, fcntl.LOCK_UN)

        monkeypatch.setattr(environment, "say", say)
        with environment._turn(tmp_path / ".venv"):
            assert said == ["waiting: another make sets up .venv"]


def test_an_environment_of_tests_keeps_their_tools(environment: Any, tmp_path: Path) -> None:
    assert environment.Environment(tmp_path, "run").kind == "run"
    (tmp_path / "dev").touch()
    assert environment.Environment(tmp_path, "run").kind == "dev"


def test_a_spoilt_stamp_is_none(environment: Any, tmp_path: Path) -> None:
    made = environment.Environment(tmp_path, "run")
    assert made.stamp() is None
    (tmp_path / "stamp").write_text("one-word\n")
    assert made.stamp() is None


def test_an_update_of_python_keeps_the_environment(environment: Any) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", environment.ASK_IDENTITY], capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == environment.IDENTITY
    assert environment.IDENTITY.split()[1].startswith(sys.implementation.cache_tag)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The commands of a Debian without Python, as a user who is not root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "dirname", "tail", "grep", "cat"):
        (folder / name).symlink_to(_command(name))
    for name, text in {"dpkg-query": "exit 1", "id": "echo 1000"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


def _command(name: str) -> str:
    path = shutil.which(name)
    assert path, name
    return path


def env_sh(bare: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [SCRIPTS / "env.sh", bare.parent / ".venv", "run", "best"]
    environ = {"PATH": str(bare), "HOME": str(bare.parent)} | variables
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_H12_without_python_one_line_says_what_to_type(bare: Path) -> None:
    result = env_sh(bare)
    assert result.returncode == 1
    assert result.stderr == (
        "error: sipua needs packages of the system: sudo apt-get install python3 python3-venv\n"
    )


def test_H12_a_python_that_is_too_old_is_named(bare: Path) -> None:
    (bare / "python3").write_text("#!/bin/sh\necho Python 3.9.2\nexit 1\n")
    (bare / "python3").chmod(0o755)
    (bare / "dpkg-query").write_text("#!/bin/sh\necho installed\n")
    result = env_sh(bare)
    assert result.returncode == 1
    assert result.stderr == (
        "error: no Python 3.11 or newer here (Python 3.9.2): PYTHON=/path/to/python make ...\n"
    )


def test_a_python_of_the_users_choice_is_judged(bare: Path) -> None:
    result = env_sh(bare, PYTHON="python9")
    assert (result.returncode, result.stderr) == (
        1,
        "error: PYTHON=python9 is not a Python, or is older than 3.11\n",
    )


def test_H12_root_gets_what_is_missing(bare: Path) -> None:
    """apt-get "installs" a Python that is too old: what was asked of it is the point."""
    log = bare.parent / "apt.log"
    (bare / "id").write_text("#!/bin/sh\necho 0\n")
    (bare / "apt-get").write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    (bare / "apt-get").chmod(0o755)
    for name in ("mktemp", "rm"):
        (bare / name).symlink_to(_command(name))
    result = env_sh(bare)
    assert "installing for sipua: python3 python3-venv\n" in result.stderr
    (asked,) = log.read_text().splitlines()
    assert asked.startswith("install -y ")
    assert asked.endswith(" python3 python3-venv")


def test_the_packages_lie_on_the_disk_as_they_are_imported(
    environment: Any, tmp_path: Path
) -> None:
    """So that type checkers and editors find them, which follow no import hook."""
    site_packages = tmp_path / "lib" / "python3.11" / "site-packages"
    site_packages.mkdir(parents=True)
    made = environment.Environment(tmp_path, "run")
    made.link()
    (source,) = (file.read_text().strip() for file in site_packages.iterdir())
    package = Path(source) / "sipua"
    clone = SCRIPTS.parent
    assert (package / "bridge").resolve() == clone / "bridge"
    assert (package / "bench").resolve() == clone / "benchmarks"
    assert (package / "edge" / "app.py").resolve() == clone / "sipua" / "edge" / "app.py"
    before = {path.name: path.lstat().st_mtime_ns for path in package.iterdir()}
    (package / "gone").symlink_to(clone / "sipua" / "gone")
    (package / "cli").unlink()
    (package / "log").unlink()
    (package / "log").symlink_to(clone / "elsewhere")
    made.link()
    after = {path.name: path.lstat().st_mtime_ns for path in package.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"cli", "log"}
    assert (package / "log").resolve() == clone / "sipua" / "log"
