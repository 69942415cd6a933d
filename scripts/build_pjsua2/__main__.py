"""Builds pjsua2 for production: many calls, epoll, the system's OpenSSL, today's pjproject.

Prints the path of the wheel, and nothing else, on standard output.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import cache
import progress
import source
import wheel
from shell import BuildError, Shell

NEED = Path(__file__).parent.parent / "need.sh"
PACKAGES = ["build-essential", "libssl-dev", "uuid-dev", "xz-utils"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="build_pjsua2", description=__doc__)
    parser.add_argument("--cached", action="store_true", help="do not build; 1 if there is none")
    parser.add_argument("--update", action="store_true", help="look for a newer source at Debian")
    options = parser.parse_args()
    try:
        own_source = _own_source()
        found = None if options.update else _cached(own_source)
        if found is None and options.cached:
            return 1
        print(found or _build(own_source, update=options.update))
    except (BuildError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was left behind", file=sys.stderr)
        return 130
    return 0


def _own_source() -> Path | None:
    name = os.environ.get("PJPROJECT_SOURCE")
    if not name:
        return None
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise BuildError(f"PJPROJECT_SOURCE={name}: there is no such file")
    return path


def _cached(own_source: Path | None) -> Path | None:
    return cache.find_wheel(cache.digest(own_source) if own_source else None)


def _build(own_source: Path | None, *, update: bool) -> Path:
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"pjsua2 [{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)

    _need_packages()
    with cache.locked(say), tempfile.TemporaryDirectory(prefix="build-pjsua2-") as temporary:
        work = Path(temporary)
        if not update and (found := _cached(own_source)):
            return found  # built by another process while we waited for the lock
        shell = Shell(cache.root() / "build.log", lambda log: say(progress.describe(log)))
        tarball = own_source or (None if update else cache.find_source())
        if tarball is None:
            say("fetching pjproject from Debian's asterisk source package, 25 MB")
            (work / "apt").mkdir()
            tarball = cache.store(source.fetch(work / "apt", shell, newest=update), "source")
        tree = wheel.unpack(tarball, work / "tree", shell)
        source_digest = cache.digest(tarball)
        if found := cache.find_wheel(source_digest):
            return found  # --update found nothing newer
        version = wheel.version(tree)
        doubt = source.doubt(version, source_digest)
        if doubt:
            say(f"warning: {doubt}")
        say(f"compiling pjproject {version}, {progress.expected(os.cpu_count())}; log: {shell.log}")
        try:
            built = wheel.build(tree, work, shell)
            say("checking it: " + wheel.check(built, work / "check", shell))
        except (BuildError, OSError) as error:  # a file that we mend may be gone
            raise BuildError(f"{error}\n{doubt}. {source.OTHERWISE}" if doubt else error) from None
        stored = cache.store(built, cache.key(version, source_digest))
        say(f"done, {stored.stat().st_size / 1e6:.1f} MB, kept in {stored.parent}")
        return stored


def _need_packages() -> None:
    packages = list(PACKAGES)
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        packages.append(f"python3.{sys.version_info.minor}-dev")
    code = subprocess.run([NEED, "building pjsua2", *packages], check=False).returncode
    if code:
        sys.exit(code)  # it has said what to type


if __name__ == "__main__":
    sys.exit(main())
