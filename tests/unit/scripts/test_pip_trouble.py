"""What pip prints when it fails becomes one line that says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"

RETRYING = (
    "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after "
    "connection broken by '{}': /simple/pjsua2-python/\n"
)
# pip says this after every failed connection, too.
NOT_FOUND = (
    "ERROR: Could not find a version that satisfies the requirement pjsua2-python==2.15.1.post1 "
    "(from versions: none)\n"
    "ERROR: No matching distribution found for pjsua2-python==2.15.1.post1\n"
)
SOCKET = "NewConnectionError('<HTTPSConnection object at 0x7f>: Failed to establish: [Errno {}]')"
READ = "ReadTimeoutError(\"HTTPSConnectionPool(host='{}', port=443): Read timed out.\")"
PROXY = "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403'))"
CERTIFICATE = (
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate'))"
)


@pytest.fixture
def pip_trouble(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    import pip_trouble

    yield pip_trouble
    del sys.modules["pip_trouble"]


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (SOCKET.format("-2] Name or service not known"), "its name is not resolved"),
        (SOCKET.format("-3] Temporary failure in name resolution"), "its name is not resolved"),
        (SOCKET.format("111] Connection refused"), "the connection is refused"),
        (SOCKET.format("101] Network is unreachable"), "there is no network"),
        (READ.format("index.example"), "no answer"),
        (PROXY, "the proxy does not let us through"),
        (CERTIFICATE, "its certificate is not trusted (PIP_CERT=/path/to/ca.crt)"),
        ("ProtocolError('Connection aborted.')", "the connection broke"),
    ],
)
def test_H12_an_index_out_of_reach_is_no_missing_wheel(
    pip_trouble: ModuleType, cause: str, reason: str
) -> None:
    trouble = pip_trouble.explain(RETRYING.format(cause) * 5 + NOT_FOUND)
    assert not trouble.no_wheel
    assert f"cannot be reached: {reason}." in trouble.text
    assert "later ones need no network" in trouble.text
    assert "\n" not in trouble.text


def test_H12_the_index_is_named_where_it_is_known(
    pip_trouble: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = RETRYING.format(READ.format("index.example"))
    assert pip_trouble.explain(silent).text.startswith("the package index (index.example) cannot")
    refused = RETRYING.format(SOCKET.format("111] Connection refused"))
    assert pip_trouble.explain(refused).text.startswith("the Python package index cannot")
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@mirror.example/simple")
    assert pip_trouble.explain(refused).text.startswith("the package index (mirror.example) cannot")


def test_H12_no_wheel_for_this_python_is_told_apart(pip_trouble: ModuleType) -> None:
    trouble = pip_trouble.explain(NOT_FOUND)
    assert trouble.no_wheel
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert trouble.text.startswith(
        f"the package index has no pjsua2-python for Python {version} on"
    )


def test_other_troubles_keep_the_word_of_pip(pip_trouble: ModuleType) -> None:
    wrong = (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have\n"
        "    setuptools==84.2.1 from https://files.example/setuptools.whl (from -r build.lock):\n"
        "        Expected sha256 0a\n             Got        ca\n"
    )
    assert "setuptools==84.2.1" in pip_trouble.explain(wrong).text
    full = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    assert pip_trouble.explain(full).text == "the disk is full"
    strange = "ERROR: first\nhint: see above\nerror: the cause\n  a detail\n"
    assert pip_trouble.explain(strange).text == "pip: error: the cause"
    assert pip_trouble.explain("").text == "pip failed and did not say why"


def test_as_a_program_it_reads_what_pip_printed() -> None:
    command = [sys.executable, SCRIPTS / "pip_trouble.py"]
    result = subprocess.run(command, input=NOT_FOUND, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("the package index has no pjsua2-python")
