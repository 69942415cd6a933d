"""Child processes that never outlive the test run, and waits that always end."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """The first true value of `condition`; `what` tells what never came. A condition that takes
    long is asked less often: what is waited for needs the processor, too.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(min(max(0.02, 4 * (now - asked)), 0.25))


async def until(condition: Callable[[], object], what: str = "", within_s: float = 20) -> None:
    """`wait_until` on a loop that goes on."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what or 'it'}: not within {within_s:g} s"
        await asyncio.sleep(0.002)


class Child:
    """A process whose output goes to `log`; the kernel ends it when the test run dies.

    With `keyboard` it reads what `type()` writes; without it, its input is at its end.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
        keyboard: bool = False,
        end: str = "KILL",
    ) -> None:
        self.log = log
        self._name = Path(command[0]).name
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", end, *map(str, command)],
                stdin=subprocess.PIPE if keyboard else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def type(self, line: str) -> None:
        assert self._process.stdin is not None, f"{self._name} was started without a keyboard"
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def wait_up(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Until it does what it was started for; it does not survive the failure."""

        def up() -> bool:
            if self.exit_status is not None:
                end = self.log.read_text(errors="replace")[-4000:]
                raise RuntimeError(f"{self._name} ended with {self.exit_status}:\n{end}")
            return condition()

        try:
            wait_until(up, timeout_s, f"{self._name}'s start (see {self.log})")
        except BaseException:
            self.kill()
            raise

    def wait(self, timeout_s: float) -> int:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"{self._name} still runs after {timeout_s:g} s, see {self.log}"
            ) from None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self, timeout_s: float = 5) -> int:
        """SIGTERM, and SIGKILL for one that does not listen."""
        self.send(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return self._process.wait()
