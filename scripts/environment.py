"""environment.py FOLDER run|dev best|production|index

Makes FOLDER a Python environment with the locked dependencies, this clone (editable) and pjsua2:

    index       the package index's wheel, for a quick start; nothing where the index has none
    production  the production build, built if there is none yet
    best        the production build if there is one, else the index's, else (Debian 13: the index
                has none for its Python) the production build after all

Does nothing, and needs no network, when nothing has changed. env.sh starts it.
"""

import enum
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pip_trouble

HERE = Path(__file__).parent
CLONE = HERE.parent
LOCKS = CLONE / "requirements"
# What a change of asks for the environment to be set up anew.
INPUTS = [CLONE / "pyproject.toml", LOCKS / "build.lock", LOCKS / "pjsua2-index.lock"]
INPUTS += [HERE / "env.sh", HERE / "environment.py"]

# The same for all Pythons that can run each other's environments: an update within 3.11 can. An
# environment whose making was interrupted has no pip.
ASK_IDENTITY = (
    "import pip, sys; print(sys.base_prefix, sys.implementation.cache_tag + sys.abiflags)"
)
IDENTITY = f"{sys.base_prefix} {sys.implementation.cache_tag}{sys.abiflags}"

# What a stamp says of pjsua2, where it is not the checksum of a production build.
INDEX = "index"
NONE = "none"


class SetupError(Exception):
    """The environment cannot be made; the text says why and what to do."""


class Step(enum.Enum):
    """What is to be done about pjsua2, and so about the environment."""

    NOTHING = enum.auto()
    INSTALL = enum.auto()  # the production build that is there
    BUILD = enum.auto()
    INDEX = enum.auto()  # try the package index


@dataclass(frozen=True)
class Stamp:
    """What an environment was set up with."""

    inputs: str  # checksum of everything but pjsua2
    pjsua2: str  # INDEX, NONE, or the checksum of a production build

    @property
    def production(self) -> bool:
        return self.pjsua2 not in (INDEX, NONE)


def choose(wanted: str, built: str | None, stamp: Stamp | None, inputs: str) -> Step:
    """`built` is the checksum of the production build that is at hand, `stamp` what there is."""
    has = stamp.pjsua2 if stamp and stamp.inputs == inputs else None
    if wanted == "index":
        return Step.NOTHING if has in (INDEX, NONE) else Step.INDEX
    if built:
        return Step.NOTHING if has == built else Step.INSTALL
    if wanted == "production":
        return Step.BUILD
    if has:
        return Step.NOTHING  # the cache was emptied: what is installed works all the same
    # Who has had room for many calls does not fall back to the index's four.
    return Step.BUILD if stamp and stamp.production else Step.INDEX


class Environment:
    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        # An environment that tests have used keeps their tools.
        self.kind = "dev" if (folder / "dev").exists() else kind
        self.python = folder / "bin" / "python"
        self._log = folder / "setup.log"

    def inputs(self) -> str:
        digest = hashlib.sha256(f"{self.kind} {CLONE} {IDENTITY}".encode())
        for path in [*INPUTS, self._lock()]:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def stamp(self) -> Stamp | None:
        try:
            inputs, pjsua2 = (self.folder / "stamp").read_text().split()
        except (OSError, ValueError):
            return None
        return Stamp(inputs, pjsua2)

    def set_up(self, wanted: str, built: Path | None, step: Step) -> None:
        """Everything anew. What fails leaves no stamp, so that the next start tries again."""
        started = time.monotonic()
        inputs = self.inputs()  # before: what is edited meanwhile is not what was installed
        say(f"setting up {self.folder.name} with Python {platform.python_version()}")
        (self.folder / "stamp").unlink(missing_ok=True)
        self._make()
        if step is Step.INDEX and (lack := self._take_from_index()):
            if wanted == "index":
                self._stay_empty(lack, inputs)
                return
            say(f"{lack}: building the production one here, once, for all clones")
            step = Step.BUILD
        if step is Step.BUILD:
            built = build_pjsua2()
        self._install("--require-hashes", "-r", LOCKS / "build.lock", "-r", self._lock())
        if built:
            self._take(built)
        self._install("--no-build-isolation", "--no-deps", "--editable", CLONE)
        self.link()
        if self.kind == "dev":
            (self.folder / "dev").touch()
        self._finish(inputs, checksum(built) if built else INDEX)
        name = f"production build {built.name.split('-')[1]}" if built else "the package index's"
        say(f"{self.folder.name} is ready after {time.monotonic() - started:.0f} s; pjsua2: {name}")

    def link(self) -> None:
        """Lays the packages out on the disk as they are imported: `src/sipua/bridge` is a link to
        `bridge/`. Type checkers and editors follow links; the import hook that pip writes for a
        layout like ours they do not. It stays, for a Python that is started in the clone, where
        `sipua` is the folder without the others.
        """
        source = self.folder / "src"
        for site_packages in self.folder.glob("lib/python3*/site-packages"):
            (site_packages / "sipua.pth").write_text(f"{source}\n")
        wanted = dict(_links(source))
        there = {path: path.readlink() for path in source.glob("*/*") if path.is_symlink()}
        for path in there.keys() - wanted.keys():
            path.unlink()
        for path, target in wanted.items() - there.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(target)

    def _make(self) -> None:
        if self.python.exists() and _identity(self.python) == IDENTITY:
            return
        if not _has_ensurepip():
            need("a Python environment", f"python3.{sys.version_info.minor}-venv")
            if not _has_ensurepip():
                raise SetupError(f"{sys.executable} has no module ensurepip: take another PYTHON")
        result = _run(sys.executable, "-m", "venv", "--clear", self.folder)
        if result.returncode:
            raise SetupError(f"{self.folder}: {(result.stdout + result.stderr).strip()}")

    def _take_from_index(self) -> str | None:
        """What the index lacks, if it has no wheel for this Python or machine."""
        lock = LOCKS / "pjsua2-index.lock"
        try:
            # Its source distribution is no way out: it wants pjproject's source beside it.
            self._install(
                *("--require-hashes", "--no-deps", "--force-reinstall"),
                *("--only-binary", "pjsua2-python", "-r", lock),
            )
        except _NoWheelError as error:
            return str(error)
        return None

    def _take(self, wheel: Path) -> None:
        self._install("--no-index", "--no-deps", "--force-reinstall", wheel)
        load: list[str | Path] = [self.python, "-c", "import pjsua2"]
        if os.environ.get("SANITIZE"):
            load.insert(0, HERE / "sanitized.sh")
        result = _run(*load)
        if result.returncode:  # a wheel of another system that shares this cache
            need("pjsua2", "libuuid1")
            result = _run(*load)
        if result.returncode:
            why = result.stderr.strip().rpartition("\n")[2]
            raise SetupError(
                f"the cached pjsua2 does not load ({why}); build it anew: "
                f"rm -r {wheel.parent} && make pjsua2"
            )

    def _stay_empty(self, lack: str, inputs: str) -> None:
        """Remember it: the next start need not ask the network, and tests can say why they skip."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        say(f"{self.folder.name} stays empty: {lack}")
        (self.folder / "lack").write_text(lack)
        self._finish(inputs, NONE)

    def _finish(self, inputs: str, pjsua2: str) -> None:
        (self.folder / "stamp").write_text(f"{inputs} {pjsua2}\n")

    def _lock(self) -> Path:
        return LOCKS / f"{self.kind}.lock"

    def _install(self, *arguments: str | Path) -> None:
        pip = (self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
        result = _run(*pip, *arguments)
        printed = result.stdout + result.stderr
        self._log.write_text(printed)
        if result.returncode == 0:
            return
        trouble = pip_trouble.explain(printed)
        if trouble.no_wheel:
            raise _NoWheelError(trouble.text)
        raise SetupError(f"{trouble.text} (log: {self._log})")


class _NoWheelError(SetupError):
    pass


def _links(source: Path) -> Iterator[tuple[Path, Path]]:
    """Each link, and what it leads to: the entries of sipua/, and the folders beside it."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())
    for package, folder in project["tool"]["setuptools"]["package-dir"].items():
        place, target = source.joinpath(*package.split(".")), CLONE / folder
        if "." in package:
            yield place, target
        else:
            for entry in target.iterdir():
                if entry.name != "__pycache__":
                    yield place / entry.name, entry


def find_pjsua2() -> Path | None:
    """The production build that is in the cache."""
    result = _build_script("--cached")
    return Path(result.stdout.strip()) if result.returncode == 0 else None


def build_pjsua2(*, update: bool = False) -> Path:
    """The production build, from the cache or compiled now."""
    result = _build_script(*(["--update"] if update else []))
    if result.returncode:
        raise SystemExit(result.returncode)  # it has said why
    return Path(result.stdout.strip())


def _build_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, HERE / "build_pjsua2", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            printed, _ = process.communicate()
        except KeyboardInterrupt:
            process.wait()  # it got the same Ctrl-C and removes what it has begun
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed)


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def need(what: str, *packages: str) -> None:
    code = _run(HERE / "need.sh", what, *packages, errors=None).returncode
    if code:
        raise SystemExit(code)  # it has said what to type


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _identity(python: Path) -> str:
    return _run(python, "-c", ASK_IDENTITY).stdout.strip()


def _has_ensurepip() -> bool:
    return _run(sys.executable, "-c", "import ensurepip").returncode == 0


def _run(
    *command: str | Path, errors: int | None = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """With `errors=None` the command speaks to the user by itself."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, check=False)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Two `make` at once take turns."""
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: another make sets up {folder.name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(folder: Path, kind: str, wanted: str) -> None:
    with _turn(folder):
        environment = Environment(folder, kind)
        update = wanted == "production" and bool(os.environ.get("UPDATE"))
        built = None
        if wanted != "index":
            built = build_pjsua2(update=True) if update else find_pjsua2()
        digest = checksum(built) if built else None
        step = choose(wanted, digest, environment.stamp(), environment.inputs())
        if step is not Step.NOTHING:
            environment.set_up(wanted, built, step)
        elif environment.python.exists():
            environment.link()  # a new folder in sipua/ is no reason to install anything anew


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).absolute(), sys.argv[2], sys.argv[3])
    except (SetupError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
