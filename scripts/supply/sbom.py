"""sbom.py PYTHON OUTPUT  What this installation consists of, as CycloneDX 1.6 (`make sbom`).

Components are: the Python packages that sipua needs, and those of its extras that are installed,
with the lock that has their checksums; pjproject, with its source's checksum, and what our build
closes of its holes; and Debian's libraries that pjsua2 loads. Two runs over the same installation
give the same file.
"""

import argparse
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import licences
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement

CLONE = Path(__file__).parents[2]
sys.path.append(str(CLONE / "scripts" / "build_pjsua2"))

import fixes  # noqa: E402 - found by the line above
import source  # noqa: E402

PJSUA2 = "pjsua2-python"
LOCKS = [CLONE / "requirements" / f"{name}.lock" for name in ("run", "pjsua2-index", "dev")]


class Environment:
    """An installation's packages; this script runs in another one."""

    def __init__(self, python: Path) -> None:
        ask = "import sysconfig; print(sysconfig.get_path('platlib'))"
        site = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
        self.site = Path(site.stdout.strip())
        found = importlib.metadata.distributions(path=[str(self.site)])
        self.packages = {licences.canonical(one.name): one for one in found}

    def needed(self) -> list[str]:
        """By sipua, its extras for development left out."""
        product = self.packages["sipua"]
        extras = set(product.metadata.get_all("Provides-Extra") or ()) - {"dev"}
        names: set[str] = set()
        wanted = list(_requirements(product, extras))
        while wanted:
            requirement = wanted.pop()
            name = licences.canonical(requirement.name)
            if name in names or name not in self.packages:
                continue
            names.add(name)
            wanted += _requirements(self.packages[name], requirement.extras)
        return sorted(names)


def _requirements(
    distribution: importlib.metadata.Distribution, extras: Iterable[str]
) -> Iterator[Requirement]:
    for line in distribution.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": one}) for one in ("", *extras)):
            yield requirement


def lock_of(name: str) -> str:
    """The lock that has its checksums."""
    return next((lock.name for lock in LOCKS if name in licences.locked(lock)), "")


def package(name: str, distribution: importlib.metadata.Distribution, lock: str = "") -> Component:
    expression = licences.licence(name, distribution)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=distribution.version,
        purl=PackageURL("pypi", None, name, distribution.version),
        bom_ref=f"pypi:{name}",
        licenses=[LicenseFactory().make_from_string(expression)] if expression else [],
        properties=[Property(name="sipua:lock", value=lock)] if lock else [],
    )


def pjproject(version: str) -> Component:
    """The C library in the wheel of pjsua2."""
    release, _, ours = version.partition("+")
    proved = {known: digest for digest, known in source.PROVED.items()}
    digest = proved.get(release) if ours else None
    closed = sorted({mend.file for mend in fixes.FIXES}) if ours else []
    return Component(
        type=ComponentType.LIBRARY,
        name="pjproject",
        version=release,
        purl=PackageURL("github", "pjsip", "pjproject", release),
        bom_ref="pjproject",
        licenses=[LicenseFactory().make_from_string("GPL-2.0-or-later")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
        pedigree=Pedigree(
            notes="scripts/build_pjsua2/mends.py and fixes.py change it; holes that became known "
            f"later are closed in {', '.join(closed)}"
        )
        if closed
        else None,
    )


def libraries(site: Path) -> Iterator[Component]:
    """Of Debian's, those that pjsua2 is linked to; none elsewhere."""
    for module in site.glob("pjsua2/*.so"):
        linked = subprocess.run(["ldd", module], capture_output=True, text=True, check=True)
        paths = re.findall(r"=> (/\S+)", linked.stdout)
        for path in sorted({str(Path(path).resolve()) for path in paths}):
            if found := _debian(path):
                name, version, architecture = found
                yield Component(
                    type=ComponentType.LIBRARY,
                    name=name,
                    version=version,
                    purl=PackageURL("deb", "debian", name, version, {"arch": architecture}),
                    bom_ref=f"deb:{name}",
                )


def _debian(path: str) -> tuple[str, str, str] | None:
    try:
        owner = _said("dpkg-query", "-S", path) or _said(
            "dpkg-query", "-S", path.removeprefix("/usr")
        )
    except FileNotFoundError:
        return None
    if not owner:
        return None
    name = owner.partition(":")[0]
    shown = _said("dpkg-query", "-W", "-f", "${Version} ${Architecture}\n", name).split()
    return (name, shown[0], shown[1]) if len(shown) >= 2 else None


def _of_commit() -> datetime:
    """The file says when its clone was written, and not when it was asked."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or _said(
        "git", "-C", str(CLONE), "log", "-1", "--format=%ct"
    )
    return datetime.fromtimestamp(int(seconds or 0), UTC)


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def bom(environment: Environment) -> Bom:
    made = Bom()
    made.metadata.timestamp = _of_commit()
    product = package("sipua", environment.packages["sipua"])
    product.type = ComponentType.APPLICATION
    made.metadata.component = product
    parts = [
        package(name, environment.packages[name], lock_of(name)) for name in environment.needed()
    ]
    if PJSUA2 in environment.packages:
        parts.append(pjproject(environment.packages[PJSUA2].version))
        parts += {part.bom_ref.value: part for part in libraries(environment.site)}.values()
    for part in parts:
        made.components.add(part)
    made.register_dependency(product, parts)
    # The same parts, the same number: a file of today differs from yesterday's by its parts alone.
    made.serial_number = uuid5(
        NAMESPACE_URL, "\n".join(f"{part.bom_ref} {part.version}" for part in parts)
    )
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", type=Path, help="of the installation")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    made = bom(Environment(options.python))
    text = JsonV1Dot6(made).output_as_string(indent=2)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        print(f"error: {options.output} would be no CycloneDX: {wrong}", file=sys.stderr)
        return 1
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text + "\n")
    print(f"{options.output}: {len(made.components)} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
