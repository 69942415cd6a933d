"""Whether each dependency's licence is one that its users can live with (`make lint`).

Read from the metadata of what is installed in the environment of development, which has all extras.
Exits with 1 and names the package when a licence is new here: then a person decides, and writes it
down below.
"""

import importlib.metadata
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CLONE = Path(__file__).parents[2]
LOCKS = (CLONE / "requirements" / "run.lock", CLONE / "requirements" / "dev.lock")

# Of SPDX: used, changed and passed on by whom it may concern, as long as the notice stays.
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("PSF-2.0", "Zlib"),
}
# Others, with the reason why it is well.
EXCEPTIONS = {
    "certifi": ("MPL-2.0", "unchanged; of the tests"),
    "fqdn": ("MPL-2.0", "unchanged; of make sbom"),
    "hypothesis": ("MPL-2.0", "unchanged; of the tests"),
    "pathspec": ("MPL-2.0", "unchanged; of mypy"),
    "pyte": ("LGPL-3.0-only", "unchanged, a module of its own; of the tests"),
    "soundfile": (
        "BSD-3-Clause AND LGPL-2.1-or-later",
        "unchanged; its wheels have libsndfile, mpg123 and LAME: a file that may be replaced",
    ),
    "soxr": ("LGPL-2.1-or-later", "unchanged, a module of its own that may be replaced"),
    "pjsua2-python": ("GPL-2.0-or-later", "README, Licence: not part of this repository"),
}
# What packages say in other words than SPDX, or in their files alone.
WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
IN_FILES = {"pyrage": "MIT", "soundfile": "BSD-3-Clause AND LGPL-2.1-or-later"}


@dataclass(frozen=True, slots=True)
class Dependency:
    name: str
    version: str
    licence: str
    """An expression of SPDX; empty where it is not known."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def locked(*locks: Path) -> set[str]:
    names: set[str] = set()
    for lock in locks:
        found = re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)
        names |= {canonical(name) for name in found}
    return names


def dependencies(*locks: Path) -> list[Dependency]:
    """Of the locks, what is installed: others are for other systems."""
    wanted = locked(*locks) | {"pjsua2-python"}
    found = {canonical(one.name): one for one in importlib.metadata.distributions()}
    return [
        Dependency(name, found[name].version, licence(name, found[name]))
        for name in sorted(wanted & found.keys())
    ]


def licence(name: str, distribution: importlib.metadata.Distribution) -> str:
    metadata = distribution.metadata
    if expression := "".join(metadata.get_all("License-Expression") or ()):
        return expression
    if name in IN_FILES:
        return IN_FILES[name]
    said: list[str] = list(metadata.get_all("License") or ())
    said += [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License :: ")
    ]
    for words in said:
        known = WORDS.get(words, words)
        if all(part in ALLOWED | {one for one, _ in EXCEPTIONS.values()} for part in parts(known)):
            return known
    return " / ".join(said)


def parts(expression: str) -> list[str]:
    return [part for part in re.split(r"[()\s]+|\bAND\b|\bOR\b", expression) if part] or [""]


def accepted(dependency: Dependency) -> bool:
    """Of alternatives (OR) one is enough; the exceptions are of one package and one licence."""
    if dependency.name in EXCEPTIONS:
        return dependency.licence == EXCEPTIONS[dependency.name][0]
    nested = "(" in dependency.licence  # rare: then all of its parts must be well
    alternatives = re.split(r"\bOR\b", dependency.licence) if not nested else [dependency.licence]
    return any(set(parts(one)) <= ALLOWED for one in alternatives)


def main() -> int:
    every = dependencies(*LOCKS)
    bad = [one for one in every if not accepted(one)]
    for one in bad:
        print(
            f"error: {one.name} {one.version} has the licence {one.licence or '(none)'!r}, which "
            "was not looked at: see scripts/supply/licences.py",
            file=sys.stderr,
        )
    idle = EXCEPTIONS.keys() - {one.name for one in every}
    if idle:
        print(f"error: exceptions of no dependency: {', '.join(sorted(idle))}", file=sys.stderr)
    return 1 if bad or idle else 0


if __name__ == "__main__":
    sys.exit(main())
