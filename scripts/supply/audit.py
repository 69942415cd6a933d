"""Whether a dependency that is locked has a published hole (`make audit`).

pip-audit asks an advisory service for each. It takes a network, and what it says changes by
itself, so it is no part of the tests. Exits with 1 for a hole, with 3 when no service has answered.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOCKS = Path(__file__).parents[2] / "requirements"
TIMEOUT_S = 600


@dataclass
class Answer:
    holes: list[str] = field(default_factory=list)
    clean: int = 0
    unknown: int = 0
    trouble: str = ""
    """Why nothing was asked."""


def read(printed: str, errors: str) -> Answer:
    """What pip-audit said: JSON, or why it has none."""
    try:
        report: dict[str, Any] = json.loads(printed)
    except ValueError:
        return Answer(trouble=(errors.strip() or "pip-audit says nothing").splitlines()[-1])
    answer = Answer()
    for one in report["dependencies"]:
        if "skip_reason" in one:
            answer.unknown += 1
        elif not one["vulns"]:
            answer.clean += 1
        for hole in one.get("vulns", ()):
            names = " ".join([hole["id"], *hole["aliases"]])
            fixed = ", ".join(hole["fix_versions"]) or "no release"
            answer.holes.append(f"{one['name']} {one['version']}: {names}, closed in {fixed}")
    return answer


def ask(lock: Path, service: list[str]) -> Answer:
    command = [sys.executable, "-m", "pip_audit", *service, "--disable-pip", "--no-deps"]
    command += ["--require-hashes", "--progress-spinner", "off", "-f", "json", "-r", str(lock)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return Answer(trouble=f"no answer within {TIMEOUT_S} s")
    return read(done.stdout, done.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="audit", description=__doc__)
    parser.add_argument("--osv", metavar="URL", help="ask this server of OSV's protocol")
    parser.add_argument("locks", nargs="*", type=Path, help="default: all of requirements/")
    options = parser.parse_args()
    service = ["-s", "osv", "--osv-url", options.osv] if options.osv else ["-s", "pypi"]
    holes = clean = silent = 0
    for lock in options.locks or sorted(LOCKS.glob("*.lock")):
        answer = ask(lock, service)
        holes += len(answer.holes)
        clean += answer.clean
        silent += bool(answer.trouble)
        said = answer.trouble or (
            f"{answer.clean} without a known hole, {len(answer.holes)} holes"
            + (f", {answer.unknown} that the service does not know" if answer.unknown else "")
        )
        print("\n  ".join([f"{lock.name}: {said}", *answer.holes]))
    if holes:
        return 1
    if silent or not clean:
        print("error: no advisory service answered; ask where the network has one", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
