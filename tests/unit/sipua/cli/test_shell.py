"""The command as a shell sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SIPUA_")}


def sipua(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sipua", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**CLEAN, **(env or {})}, cwd=cwd
    )


def test_H8_bad_configuration_ends_serve_with_3_and_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text('[[accounts]]\npassword = ["hunter2-hunter2"]\n')
    result = sipua("serve", "-c", "edge.toml", cwd=tmp_path)
    assert result.returncode == 3
    assert "accounts[0].password" in result.stderr
    assert "hunter2" not in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom sipua.cli.main import build_parser\nbuild_parser().format_help()\n"
        "heavy = {'pydantic', 'numpy', 'structlog', 'asyncio', 'pjsua2', 'msgspec', 'uvloop'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_a_reader_that_goes_away() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sipua", "config", "docs"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=CLEAN,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize("file", ["local-demo", "asterisk-extension", "ip-trunk"])
def test_examples_pass_the_check(file: str) -> None:
    path = Path(__file__).parents[4] / "configs" / f"{file}.toml"
    result = sipua("config", "check", str(path), env={"OPENAI_API_KEY": "sk-test-0123456789"})
    assert (result.returncode, result.stderr) == (0, "")


def test_ctrl_c(tmp_path: Path) -> None:
    # A shell starts background jobs with Ctrl-C ignored, and so would ours be.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fifo = tmp_path / "edge.toml"
    os.mkfifo(fifo)  # reading the configuration waits for what we never write
    with subprocess.Popen(
        [sys.executable, "-m", "sipua", "config", "check", str(fifo)],
        stderr=subprocess.PIPE,
        env=CLEAN,
    ) as process:
        try:
            # Opening the other end succeeds as soon as the command reads from it.
            deadline = time.monotonic() + 20
            while True:
                try:
                    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
            # A signal that comes just before the interpreter is in read() is seen only after it,
            # and nothing tells when it is there: then the next one ends it.
            for _ in range(10):
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(3)
                    break
        finally:
            process.kill()
        os.close(writer)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 130
    assert b"Traceback" not in errors
