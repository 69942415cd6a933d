"""Where pjproject's source comes from.

Debian's `asterisk` source package carries pjproject as a tarball of its own. apt fetches it from
the mirror that this system already uses, and checks its signature against Debian's archive keyring.
apt runs on folders of its own: nothing of the system's sources, lists or caches is touched.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shell import BuildError, Shell, output

# The tarballs that were built, checked and used, by their SHA-256.
PROVED = {"6860c2f7604b4eee75f38151a9ef69774eb3f0c5286fc1d14bc1db2dc5a9e8aa": "2.17"}
# Debian moves on: asterisk is in sid today, and may be in the others when sid has a newer one.
SUITES = ["sid", "testing", "stable"]

KEYRINGS = [
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
]
COMPONENT = ".orig-Xpjproject.tar."
OTHERWISE = "Give the source yourself: PJPROJECT_SOURCE=/path/to/pjproject.tar.gz make pjsua2"


@dataclass(frozen=True)
class Offer:
    """A suite has pjproject in a version of its asterisk source package."""

    suite: str
    version: str  # of asterisk
    sha256: str  # of pjproject's tarball


def fetch(folder: Path, shell: Shell, *, newest: bool) -> Path:
    """Download pjproject from Debian into `folder`, an empty one."""
    keyring = next((path for path in KEYRINGS if path.exists()), None)
    if shutil.which("apt-get") is None or keyring is None:
        raise BuildError(f"this system has no apt with Debian's archive keyring. {OTHERWISE}")
    mirror = _mirror()
    troubles: list[str] = []

    def ask() -> Iterator[Offer]:
        for suite in SUITES:
            try:
                yield from _offers(suite, _apt(folder, suite, keyring, mirror), shell)
            except BuildError as error:
                troubles.append(f"{suite}: {_last_line(str(error))}")

    offer = choose(ask(), newest=newest)
    if offer is None:
        why = "; ".join(troubles) or "no suite has it in its asterisk source package"
        raise BuildError(f"no pjproject from Debian's mirror {mirror} ({why}). {OTHERWISE}")
    place = folder / offer.suite
    get = ("source", "--download-only", f"asterisk={offer.version}")
    try:
        shell.run("apt-get", "-c", place / "apt.conf", *get, cwd=place)
    except BuildError as error:
        raise BuildError(f"{error}\n{OTHERWISE}") from None
    return next(path for path in place.glob(f"*{COMPONENT}*") if path.suffix != ".asc")


def choose(offers: Iterable[Offer], *, newest: bool = False) -> Offer | None:
    """The first that is proved, or just the first, from the newest suite on."""
    first = None
    for offer in offers:  # each asks one more suite
        if newest or offer.sha256 in PROVED:
            return offer
        first = first or offer
    return first


def read_offers(suite: str, showsrc: str) -> list[Offer]:
    """What `apt-cache showsrc asterisk` says, where pjproject is a part of it."""
    offers = []
    for stanza in showsrc.split("\n\n"):
        version = re.search(r"^Version: (\S+)$", stanza, re.MULTILINE)
        file = rf"^ ([0-9a-f]{{64}}) \d+ \S+{re.escape(COMPONENT)}(?!\S*\.asc)\S+$"
        digest = re.search(file, stanza, re.MULTILINE)
        if version and digest:
            offers.append(Offer(suite, version[1], digest[1]))
    return offers


def doubt(version: str, digest: str) -> str | None:
    """What is to be said of a source that was not proved, before it is built all the same."""
    if digest in PROVED:
        return None
    proved = " or ".join(sorted(set(PROVED.values())))
    if version in PROVED.values():
        return f"this tarball of pjproject {version} is not Debian's that was proved"
    return f"pjproject {version} was not proved with sipua, {proved} was"


def _offers(suite: str, config: Path, shell: Shell) -> list[Offer]:
    shell.run("apt-get", "-c", config, "update", cwd=config.parent)
    return read_offers(suite, output("apt-cache", "-c", config, "showsrc", "asterisk"))


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _mirror() -> str:
    """The system's Debian mirror. apt reads its own configuration, in whichever of its formats."""
    if mirror := os.environ.get("SIPUA_DEBIAN_MIRROR"):
        return mirror
    targets = output(
        "apt-get",
        "indextargets",
        "--no-release-info",
        "--format",
        "$(REPO_URI) $(RELEASE)",
        "Created-By: Packages",
        "Component: main",
    )
    for target in targets.splitlines():
        uri, release = target.split()
        if "security" not in release:  # that archive has no sid
            return uri
    raise BuildError(f"apt's sources name no Debian mirror. {OTHERWISE}")


def _apt(folder: Path, suite: str, keyring: Path, mirror: str) -> Path:
    """A configuration of apt that knows this suite only and keeps everything in its folder."""
    place = folder / suite
    for name in ("state/lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True)
    sources = place / "sources.list"
    sources.write_text(f"deb-src [signed-by={keyring}] {mirror} {suite} main\n")
    config = place / "apt.conf"
    config.write_text(_apt_config(place, sources))
    return config


def _apt_config(place: Path, sources: Path) -> str:
    return "\n".join(
        [
            f'Dir::Etc::sourcelist "{sources}";',
            'Dir::Etc::sourceparts "/dev/null";',
            f'Dir::State "{place / "state"}";',
            'Dir::State::status "/dev/null";',
            f'Dir::Cache "{place / "cache"}";',
            # A mirror that lags behind will do: the tarball is known by its checksum.
            'Acquire::Check-Valid-Until "false";',
            'APT::Update::Error-Mode "any";',  # a mirror that does not answer is no empty one
            # The system's hooks (containers delete caches there) are not meant for these folders.
            "#clear APT::Update::Pre-Invoke;",
            "#clear APT::Update::Post-Invoke;",
            "#clear APT::Update::Post-Invoke-Success;",
            "",
        ]
    )
