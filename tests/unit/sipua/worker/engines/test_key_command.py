"""A command that prints a key, and those that print anything else."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from sipua.worker.engines import key_command
from sipua.worker.engines.key_command import KeyCommandError

CANARY = "canary-0123456789"


def run(words: list[str], environ: dict[str, str], **more: float) -> str:
    return key_command.run(words, environ, threading.Event(), **more)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_only_line_is_the_key() -> None:
    assert run(["/bin/echo", "k-1"], {}) == "k-1"
    assert run(["/usr/bin/printf", "k-1"], {}) == "k-1"
    assert run(["/usr/bin/printf", "k-1\\r\\n"], {}) == "k-1"


def test_no_shell_sees_the_arguments() -> None:
    assert run(["/bin/echo", "$HOME;id|`id`"], {"HOME": "/root"}) == "$HOME;id|`id`"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "prints nothing"),
        ("print('  ')", "prints nothing"),
        (f"print('{CANARY}', 1)", "prints blanks"),
        (f"print('{CANARY}'); print('{CANARY}')", "several lines"),
        (f"print('{CANARY}\\x1b')", "characters that no key has"),
        (f"print('{CANARY}é')", "characters that no key has"),
        (f"import sys; print('{CANARY}'); sys.exit(3)", "ended with status 3"),
        (f"import os; print('{CANARY}', flush=True); os.kill(os.getpid(), 15)", "by signal 15"),
        (f"raise SystemExit('{CANARY}')", "ended with status 1"),
        (f"print('{CANARY}' * 10**6)", "more than 16384 bytes"),
        (f"while True: print('{CANARY}')", "more than 16384 bytes"),
    ],
)
def test_what_is_no_key_is_told_and_never_shown(code: str, words: str) -> None:
    with pytest.raises(KeyCommandError, match=words) as caught:
        run(python(code), {"PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8"})
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_program_that_is_not_there_or_none() -> None:
    for path, words in (("/none", "No such file"), ("/etc/passwd", "Permission denied")):
        with pytest.raises(KeyCommandError, match=f"cannot be run: {words}"):
            run([path], {})
    with pytest.raises(KeyCommandError, match="cannot be run: ValueError"):
        run(["/bin/echo", "a\0b"], {})


@pytest.mark.parametrize("rest", ["", "; exec >&-"])
def test_one_that_does_not_end_is_killed_with_its_children(tmp_path: Path, rest: str) -> None:
    """Also one that has closed its output."""
    file = tmp_path / "child"
    script = f"sleep 600 & echo $! > {file}{rest}; wait"
    with pytest.raises(KeyCommandError, match=r"not ended within 0\.5 s"):
        run(["/bin/sh", "-c", script], {}, longest_s=0.5)
    child = Path(f"/proc/{file.read_text().strip()}/stat")
    for _ in range(500):
        # A zombie whose new parent has not looked yet is as dead.
        if not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("a child of it lives on")


def test_one_that_is_given_up_is_killed() -> None:
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(KeyCommandError, match="was killed"):
        key_command.run(["/bin/sleep", "600"], {}, given_up)


def test_its_environment_has_no_secret_of_ours() -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/h",
        "OPENAI_API_KEY": CANARY,
        "SIPUA_ENGINE__API_KEY": CANARY,
        "LD_PRELOAD": "/none",
        "CREDENTIALS_DIRECTORY": "/c",
    }
    names = run(python("import os; print(','.join(sorted(os.environ)))"), environ).split(",")
    assert set(names) - {"LC_CTYPE"} == {"CREDENTIALS_DIRECTORY", "HOME", "PATH"}
