"""The waker in the real library's ioqueue. A process has one library, so each test has its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

LONG_MS = 60_000
BEGIN = """
import threading, time
import pjsua2 as pj
from sipua.sip.pj.native import waker

config = pj.EpConfig()
config.uaConfig.threadCnt = 0
config.uaConfig.mainThreadOnly = True
config.logConfig.level = config.logConfig.consoleLevel = 0
library = pj.Endpoint()
library.libCreate()
"""
END = """
library.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
print("done")
"""


def run(steps: str, begin: str = BEGIN, end: str = END) -> None:
    script = begin + textwrap.dedent(steps) + end
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.endswith("done\n")


def test_a_poll_is_ended_from_another_thread_again_and_again() -> None:
    run(
        f"""
        library.libInit(config)
        awake = waker.Waker(library.libHandleEvents)
        asleep = threading.Semaphore(0)

        def wake():
            for _ in range(200):
                asleep.acquire()
                time.sleep(0.001)  # the poll has begun, or it finds the byte
                awake.wake()

        threading.Thread(target=wake, daemon=True).start()
        for _ in range(200):
            asleep.release()
            library.libHandleEvents({LONG_MS})
            awake.polled()
        awake.close()
        """
    )


def test_a_flood_of_wakes_waits_for_nobody_and_is_over_soon() -> None:
    run(
        """
        library.libInit(config)
        awake = waker.Waker(library.libHandleEvents)
        for _ in range(100_000):
            awake.wake()
        polls = 0
        while polls < 10_000:
            began = time.monotonic()
            library.libHandleEvents(500)
            awake.polled()
            polls += 1
            if time.monotonic() - began > 0.4:
                break
        assert polls < 10_000, "it never sleeps again"
        awake.wake()
        library.libHandleEvents(60_000)
        awake.close()
        """
    )


def test_it_is_no_transport() -> None:
    run(
        """
        library.libInit(config)
        before = list(library.transportEnum())
        awake = waker.Waker(library.libHandleEvents)
        library.libStart()
        assert list(library.transportEnum()) == before == []
        awake.close()
        """
    )


def test_its_descriptors_are_given_back() -> None:
    run(
        """
        import os
        library.libInit(config)
        before = len(os.listdir("/proc/self/fd"))
        awake = waker.Waker(library.libHandleEvents)
        awake.close()
        assert len(os.listdir("/proc/self/fd")) == before
        """
    )


@pytest.mark.parametrize(
    ("sabotage", "cause"),
    [
        ("waker._pjsua2 = type('', (), {'__file__': None})", "does not export"),
        ("waker._ALWAYS_ASYNC = 0; waker._PENDING = -1", "pj_ioqueue_recv"),
        ("library.libHandleEvents = lambda _ms: 0", "does not end its poll"),
    ],
)
def test_a_build_that_cannot_be_woken_is_found_out(sabotage: str, cause: str) -> None:
    run(
        f"""
        library.libInit(config)
        import os
        before = len(os.listdir("/proc/self/fd"))
        {sabotage}
        try:
            waker.Waker(library.libHandleEvents)
        except waker.WakerError as error:
            assert {cause!r} in str(error), error
        else:
            raise AssertionError("not found out")
        assert len(os.listdir("/proc/self/fd")) == before
        """
    )


def test_a_library_that_has_not_begun_cannot_be_woken() -> None:
    run(
        """
        try:
            waker.Waker(lambda _ms: 0)
        except waker.WakerError as error:
            assert "not begun" in str(error), error
        else:
            raise AssertionError("not found out")
        """,
        begin="from sipua.sip.pj.native import waker",
        end="\nprint('done')",
    )


def test_polls_that_read_nothing_are_the_end_of_it() -> None:
    run(
        """
        library.libInit(config)
        awake = waker.Waker(library.libHandleEvents)
        awake.wake()
        try:
            for _ in range(1000):
                awake.polled()  # without a poll
        except waker.WakerError as error:
            assert "did not read" in str(error), error
        else:
            raise AssertionError("not found out")
        awake.close()
        """
    )
