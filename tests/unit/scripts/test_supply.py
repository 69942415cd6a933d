"""What the installation consists of, its licences and its known holes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from support.ports import LOOPBACK

FOLDER = Path(__file__).parents[3] / "scripts" / "supply"
MODULES = ["licences", "audit"]
LOCK = """\
sipua-test-good==1.0 \\
    --hash=sha256:{0}
sipua-test-bad==2.0 \\
    --hash=sha256:{0}
""".format("a" * 64)


@pytest.fixture
def supply(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in MODULES:
        del sys.modules[name]


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FOLDER / script, *arguments]
    # The proxy of this machine, if it has one, does not know our server.
    environment = {**os.environ, "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("name", "licence", "accepted"),
    [
        ("any", "MIT", True),
        ("any", "Apache-2.0 AND MIT", True),
        ("any", "(MIT OR GPL-3.0-only) AND ISC", False),  # not looked at: a person does
        ("any", "GPL-3.0-only OR MIT", True),
        ("any", "MIT AND GPL-3.0-only", False),
        ("any", "LGPL-2.1-or-later", False),
        ("soxr", "LGPL-2.1-or-later", True),
        ("soxr", "GPL-3.0-only", False),
        ("any", "", False),
        ("any", "UNKNOWN", False),
    ],
)
def test_licences(supply: SimpleNamespace, name: str, licence: str, *, accepted: bool) -> None:
    dependency = supply.licences.Dependency(name, "1.0", licence)
    assert supply.licences.accepted(dependency) is accepted


def test_each_dependency_has_a_licence_that_was_looked_at() -> None:
    done = run("licences.py")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_bill_of_materials(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    done = run("sbom.py", Path(sys.executable), file)
    assert done.returncode == 0, done.stderr
    made = json.loads(file.read_text())
    parts = {part["name"]: part for part in made["components"]}
    assert {"numpy", "soxr", "websockets", "structlog", "pjproject"} <= parts.keys()
    assert "pytest" not in parts, "tools of development are no part of the product"
    assert all("licenses" in part for part in parts.values() if "pypi" in part["purl"])
    assert len(parts["pjproject"]["hashes"][0]["content"]) == 64
    assert made["metadata"]["component"]["name"] == "sipua"


def test_what_pip_audit_says(supply: SimpleNamespace) -> None:
    report = {
        "dependencies": [
            {"name": "good", "version": "1", "vulns": []},
            {"name": "far", "version": "1", "skip_reason": "not found"},
            {
                "name": "bad",
                "version": "2",
                "vulns": [{"id": "GHSA-1", "aliases": ["CVE-1"], "fix_versions": ["3", "2.1"]}],
            },
        ]
    }
    answer = supply.audit.read(json.dumps(report), "")
    assert (answer.clean, answer.unknown) == (1, 1)
    assert answer.holes == ["bad 2: GHSA-1 CVE-1, closed in 3, 2.1"]
    assert supply.audit.read("", "WARNING: x\nERROR: no route\n").trouble == "ERROR: no route"
    assert supply.audit.read("", "").trouble == "pip-audit says nothing"


class Osv(BaseHTTPRequestHandler):
    """A server of OSV's protocol that knows of one hole."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = asked["package"]
        hole = {
            "id": "GHSA-test",
            "aliases": ["CVE-2026-00001"],
            "modified": "2026-01-01T00:00:00Z",
            "affected": [
                {
                    "package": package,
                    "ranges": [
                        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}
                    ],
                }
            ],
        }
        body = json.dumps({"vulns": [hole] if "bad" in package["name"] else []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def osv() -> Iterator[str]:
    server = ThreadingHTTPServer((LOOPBACK, 0), Osv)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{LOOPBACK}:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def test_a_hole_is_named(osv: str, tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(LOCK)
    done = run("audit.py", "--osv", osv, lock)
    assert done.returncode == 1, done.stderr
    assert "some.lock: 1 without a known hole, 1 holes" in done.stdout
    assert "sipua-test-bad 2.0:" in done.stdout
    assert "CVE-2026-00001" in done.stdout
    assert done.stdout.rstrip().endswith("closed in 2.1")
    lock.write_text(LOCK.replace("bad", "fine"))
    assert run("audit.py", "--osv", osv, lock).returncode == 0


def test_no_service_is_no_good_news(tmp_path: Path, closed_port: int) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(LOCK)
    done = run("audit.py", "--osv", f"http://{LOOPBACK}:{closed_port}/v1/query", lock)
    assert done.returncode == 3
    assert "no advisory service answered" in done.stderr
