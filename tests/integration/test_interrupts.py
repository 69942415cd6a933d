"""H1, H11: the first Ctrl-C asks, the second one ends the process, whatever its loop does."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from sipua.process.exits import Exit
from support.process import Child

PROGRAM = """
import asyncio, sys, time
from sipua.process import main_loop
from sipua.process.exits import Exit

async def main():
    asked = asyncio.Event()
    main_loop.on_interrupt(asked.set)
    print("up", flush=True)
    if "frozen" in sys.argv:
        time.sleep(60)
    await asked.wait()
    print("asked", flush=True)
    if "blocked" in sys.argv:
        time.sleep(60)
    await asyncio.sleep(0 if "polite" in sys.argv else 60)
    return Exit.OK

sys.exit(main_loop.run(main()))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return file


def start(program: Path, how: str) -> Child:
    child = Child([sys.executable, program, how], program.with_suffix(".log"))
    child.wait_up(lambda: says(child, "up"), 30)
    return child


def says(child: Child, word: str) -> bool:
    return word in child.log.read_text().split()


def test_H1_the_first_one_asks(program: Path) -> None:
    child = start(program, "polite")
    child.send(signal.SIGINT)
    assert child.wait(5) == Exit.OK
    assert says(child, "asked")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
@pytest.mark.parametrize("loop", ["idle", "blocked"])
def test_H11_the_second_one_ends(
    program: Path, loop: str, number: signal.Signals, status: Exit
) -> None:
    child = start(program, loop)
    child.send(number)
    child.wait_up(lambda: says(child, "asked"), 5)
    child.send(number)
    assert child.wait(5) == status


def test_H11_also_when_the_loop_never_took_notice_of_the_first(program: Path) -> None:
    child = start(program, "frozen")
    child.send(signal.SIGINT)  # another number: the kernel merges two equal ones
    child.send(signal.SIGTERM)
    assert child.wait(5) in (Exit.INTERRUPTED, Exit.TERMINATED)
