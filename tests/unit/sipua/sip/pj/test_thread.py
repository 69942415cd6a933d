"""The signalling thread runs jobs and timers, survives their faults, and ends in time."""

from __future__ import annotations

import threading

import pytest

from sipua.sip.pj import thread as thread_module
from sipua.sip.pj.thread import LONGEST_POLL_MS, UNWOKEN_POLL_MS, SignallingThread, Timers


class FakeLibrary:
    def __init__(self, open_error: Exception | None = None) -> None:
        self.woken = threading.Event()
        self.wakes = 0
        self.wakeable = True
        self.polls_ms: list[int] = []
        self.open_error = open_error
        self.calls: list[str] = []
        self.faults: list[str] = []
        self.done = False
        self.poll_errors: list[BaseException] = []

    def open(self) -> None:
        self.calls.append("open")
        if self.open_error:
            raise self.open_error

    def poll(self, timeout_ms: int) -> None:
        if self.poll_errors:
            raise self.poll_errors.pop()
        self.polls_ms.append(timeout_ms)
        self.woken.wait(timeout_ms / 1000)
        self.woken.clear()

    def can_wake(self) -> bool:
        return self.wakeable

    def wake(self) -> None:
        self.wakes += 1
        if self.wakeable:
            self.woken.set()

    def idle(self) -> bool:
        return self.done

    def close(self) -> None:
        self.calls.append("close")

    def destroy(self) -> None:
        self.calls.append("destroy")

    def fault(self, where: str, error: BaseException) -> None:
        self.faults.append(f"{where}: {error}")


def test_what_open_raises_is_raised_by_start() -> None:
    library = FakeLibrary(OSError("taken"))
    with pytest.raises(OSError, match="taken"):
        SignallingThread(library).start()
    assert library.calls == ["open", "destroy"]


def test_jobs_run_in_order_on_the_thread_and_a_fault_stops_nothing() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread.start()
    seen: list[str] = []
    done = threading.Event()

    def broken() -> None:
        raise ValueError("broken job")

    thread.submit(lambda: seen.append(threading.current_thread().name))
    thread.submit(broken)
    thread.submit(done.set)
    assert done.wait(5)
    library.done = True
    thread.stop(1.0)
    assert seen == ["pjsua2"]
    assert library.faults == ["command: broken job"]
    assert library.calls == ["open", "close", "destroy"]


def test_stop_does_not_wait_longer_than_its_grace() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread.start()
    thread.stop(0.05)
    assert library.calls[-1] == "destroy", "idle never came, the grace ended it"


def test_H11_what_is_no_exception_ends_the_thread_and_is_kept() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread.start()
    end = SystemExit("a bug")

    def bad_job() -> None:
        raise end

    thread.submit(bad_job)
    thread._thread.join(5)
    assert not thread.alive
    assert thread.failure is end
    assert library.calls == ["open", "destroy"]
    assert thread.stop(0.0), "there is nothing to wait for"


def test_H11_a_poll_that_fails_is_no_sign_of_life() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    library.poll_errors = [ValueError("broken poll")]
    thread._round()
    assert thread.beats == 0
    assert library.faults == ["poll: broken poll"]
    thread._round()
    assert thread.beats == 1


def test_H11_a_thread_that_hangs_is_not_waited_for_longer_than_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread.start()
    go_on = threading.Event()
    thread.submit(lambda: go_on.wait(60) and None)
    monkeypatch.setattr("sipua.sip.pj.thread.DESTROY_S", 0.0)
    assert not thread.stop(0.0)
    go_on.set()
    thread._thread.join(5)
    assert not thread.alive


def test_a_job_ends_a_poll_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_module, "LONGEST_POLL_MS", 60_000)
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread.start()
    for _ in range(50):
        done = threading.Event()
        thread.submit(done.set)
        assert done.wait(20), "it waits for the end of the poll"
    library.done = True
    assert thread.stop(20.0)


def test_jobs_of_many_threads_are_all_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """None may fall between the look at the queue and the poll."""
    monkeypatch.setattr(thread_module, "LONGEST_POLL_MS", 60_000)
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread.start()
    ran: list[int] = []

    def submit() -> None:
        for _ in range(300):
            done = threading.Event()
            thread.submit(lambda: ran.append(1))
            thread.submit(done.set)
            assert done.wait(20)

    others = [threading.Thread(target=submit) for _ in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join(50)
    library.done = True
    assert thread.stop(20.0)
    assert len(ran) == 1200


def test_one_wake_a_poll() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread._asleep = True  # as in a poll
    for _ in range(1000):
        thread.submit(lambda: None)
    assert library.wakes == 1


def test_a_thread_that_is_awake_is_not_woken() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread.submit(lambda: None)
    assert library.wakes == 0
    thread._round()
    assert library.polls_ms == [0], "it looks at the queue before it polls"


def test_a_poll_is_short_where_it_cannot_be_ended() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    thread._round()
    library.wakeable = False
    thread._round()
    assert library.polls_ms == [LONGEST_POLL_MS, UNWOKEN_POLL_MS]


def test_a_poll_ends_for_our_timers() -> None:
    library = FakeLibrary()
    thread = SignallingThread(library)
    fired: list[int] = []
    thread.after(0.02, lambda: fired.append(1))
    for _ in range(20):
        thread._round()
        if fired:
            break
    assert fired
    assert max(library.polls_ms) <= 20
    assert len(library.polls_ms) < 20, "it does not poll without waiting"


def test_what_happened_is_told_after_each_step_and_at_the_end() -> None:
    library = FakeLibrary()
    library.poll_errors = [ValueError("broken poll")]
    told: list[str] = []
    steps: list[str] = []

    def tell() -> None:
        told.append(",".join(steps))
        steps.clear()

    def job() -> None:
        steps.append("job")
        raise ValueError("broken job")

    thread = SignallingThread(library, after_each=tell)
    thread.after(0.0, lambda: steps.append("timer"))
    thread.submit(job)
    thread._round()
    assert told == ["", "job", "timer"]
    library.done = True
    thread.start()
    assert thread.stop(5.0)
    assert len(told) > 4, "also what is told while it is taken down"


def test_timers_come_due_in_order() -> None:
    timers = Timers()
    fired: list[int] = []
    for number, when in enumerate([3.0, 1.0, 2.0, 1.0]):
        timers.at(when, lambda number=number: fired.append(number))  # type: ignore[misc]
    for action in timers.due(2.0):
        action()
    assert fired == [1, 3, 2]
    assert timers.wait_s(2.5) == 0.5
    assert timers.wait_s(3.5) == 0.0
    assert len(timers.due(10.0)) == 1
    assert timers.wait_s(10.0) == float("inf")
