"""H9: a call's fault hangs the call up, with its cause; what has no owner is logged and counted."""

import asyncio
import gc
import json
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.events import EngineGone
from sipua.capture.call_capture import CallCapture, CaptureThread
from sipua.process import unhandled
from sipua.process.side_loop import SideLoop
from sipua.record.files import RecordFiles
from sipua.record.settings import FileSettings
from sipua.rtp.events import Address, Dtmf
from sipua.sip.messages import CallConfirmed, CallEnded, EndedBy, Hangup, MediaReady
from support.calls.call_story import MEDIA, Story

DAY = date(2026, 3, 1)
HERE: Address = ("192.0.2.1", 16384)
THERE: Address = ("198.51.100.2", 4000)


def broken(*_: object, **__: object) -> Any:
    raise KeyError("injected")


async def broken_later(*_: object, **__: object) -> Any:
    broken()


def cause(where: str) -> str:
    return f"internal error: {where}: KeyError"


async def hung_up(story: Story, where: str) -> None:
    """Once; the end says why. The bound is for a busy machine, here and below."""
    async with asyncio.timeout(10):
        while Hangup("c-test", 500) not in story.sent:
            await asyncio.sleep(0)
    assert story.sent.count(Hangup("c-test", 500)) == 1
    with capture_logs() as logs:
        story.call.log = story.call.log.new()
        await story.end(EndedBy.US)
    assert cause(where) in story.call.summary
    (end,) = [line["end"] for line in logs if line["event"] == "call.ended"]
    assert (end["reason"], end["detail"], end["fault"]) == (
        "internal_error",
        cause(where),
        "edge",
    )


# --- a call ---------------------------------------------------------------------------------


async def test_H9_a_listener_ends_the_call_and_the_others_hear_the_event() -> None:
    story = Story()
    await story.talk()
    heard: list[object] = []
    story.call.subscribe(broken)
    story.call.subscribe(lambda event, _: heard.append(event))
    with capture_logs() as logs:
        for digit in "12":
            story.bridge.on_event(Dtmf(digit, 100, inband=True))
    assert len(heard) == 2
    (line,) = [line for line in logs if line["event"] == "call.failed"]
    assert line["call_id"] == "c-test"
    assert (line["log_level"], line["error"]) == ("error", "KeyError: 'injected'")
    await hung_up(story, "broken on Dtmf")


async def test_H9_a_task_of_the_call() -> None:
    story = Story()
    await story.talk()
    story.call.start(broken_later(), "tools")
    await hung_up(story, "tools")


async def test_H9_how_it_begins_and_what_it_falls_back_to(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story()
    story.bridge.error = KeyError("injected")
    story.bridge.ready.set()
    await hung_up(story, "opening")

    monkeypatch.setattr("sipua.calls.fallback.run", broken_later)
    story = Story()
    await story.talk()
    story.bridge.on_event(EngineGone("local", "gone"))
    await hung_up(story, "fallback")

    story = Story()
    story.bridge.error = EngineConnectError("refused", "no")
    story.bridge.ready.set()
    await hung_up(story, "fallback")


@pytest.mark.parametrize(
    ("part", "where"),
    [("open_media", "on MediaReady"), ("start", "on CallConfirmed")],
)
async def test_H9_what_signalling_tells(
    part: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story()
    story.bridge.ready.set()
    await story.settle()
    monkeypatch.setattr(story.bridge, part, broken)
    story.call.on_sip(MediaReady("c-test", MEDIA))
    story.call.on_sip(CallConfirmed("c-test"))
    await hung_up(story, where)


async def test_H9_an_end_that_cannot_be_taken_note_of_is_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story()
    await story.talk()
    facts = story.call.facts
    monkeypatch.setattr(story.call, "facts", broken)
    story.call.on_sip(CallEnded("c-test", EndedBy.PEER, 200, "OK"))
    monkeypatch.setattr(story.call, "facts", facts)
    async with asyncio.timeout(10):
        await story.task


# --- the threads ----------------------------------------------------------------------------


async def test_H9_the_capture_thread_goes_on_for_the_others(tmp_path: Path) -> None:
    thread = CaptureThread()
    with capture_logs() as logs:
        bad, good = (CallCapture(tmp_path / name, 10_000, HERE) for name in ("bad", "good"))
        bad._make_room = broken
        for capture in (bad, good):
            thread.begin(capture)
            capture.add(1.0, THERE, HERE, b"first")
        async with asyncio.timeout(10):
            while not bad.stopped or "packets" not in str(good.stats()) or not good.path.exists():
                await asyncio.sleep(0.01)
        bad.add(2.0, THERE, HERE, b"lost")
        good.add(2.0, THERE, HERE, b"second")
        await good.close(0)
        await bad.close(0)
    assert (good.stats()["packets"], good.stopped) == (2, "")
    assert bad.stats()["stopped"] == cause("capture thread")
    (line,) = [line for line in logs if line["event"] == "capture.failed"]
    assert (line["log_level"], line["where"]) == ("error", "capture thread")


async def test_H9_a_capture_without_a_thread_leaves_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = CaptureThread()
    capture = CallCapture(tmp_path / "a", 10_000, HERE)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", broken)
        capture.faults.run("capture thread", thread.begin, capture)
    assert capture.stopped == cause("capture thread")
    later = CallCapture(tmp_path / "b", 10_000, HERE)
    thread.begin(later)
    later.add(1.0, THERE, HERE, b"first")
    await later.close(0)
    assert later.stats()["packets"] == 1


async def test_H9_the_record_thread_goes_on_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FileSettings(tmp_path, keep_days=0, max_total_bytes=1_000_000)
    monkeypatch.setattr("sipua.record.retention.enforce", broken)
    with capture_logs() as logs:
        files = RecordFiles(settings, lambda path, why: None, in_use=set)
        bad, good = files.begin("c-bad", DAY), files.begin("c-good", DAY)
        monkeypatch.setattr(bad, "_write_waiting", broken)
        files.start()
        for file in (bad, good):
            file.add(b"{}")
        async with asyncio.timeout(10):
            while not bad.stats().get("failed") or not good.path.exists():
                await asyncio.sleep(0.01)
        bad.add(b"{}")
        good.add(b"{}")
        await good.close()
        await bad.close()
        files.stop()
    assert good.stats() == {"file": str(good.path), "lines": 2, "dropped": 0}
    assert bad.stats() == {
        "file": str(bad.path),
        "lines": 0,
        "dropped": 2,
        "failed": cause("record thread"),
    }
    failed = [line for line in logs if line["event"] == "record.failed"]
    assert [(line.get("call_id"), line["where"]) for line in failed] == [
        ("c-bad", "record thread"),
        (None, "tidying"),
    ]


async def test_H9_a_tools_loop_goes_on_behind_whatever_a_tool_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", unhandled.LastNet().on_thread)
    side = SideLoop("tools")

    async def leaves() -> None:
        raise SystemExit(1)

    async def leaves_behind() -> None:
        asyncio.get_running_loop().create_task(leaves())

    with capture_logs() as logs:
        with pytest.raises(RuntimeError, match="SystemExit"):
            await side.run(leaves())
        await side.run(leaves_behind())
        async with asyncio.timeout(10):
            assert await side.run(asyncio.sleep(0.01, "still here")) == "still here"
        side._loop.call_soon_threadsafe(broken)  # type: ignore[union-attr]
        async with asyncio.timeout(10):
            while len(logs) < 2:
                await asyncio.sleep(0.01)
    assert [line["event"] for line in logs] == ["fault.unowned"] * 2
    assert "KeyError" in logs[1]["error"]
    gc.collect()  # the task that was left behind is told of, and not during another test
    await side.close()


# --- exceptions without an owner -----------------------------------------------------------


async def test_H9_what_has_no_owner_is_logged_with_its_place_counted_and_throttled() -> None:
    net = unhandled.LastNet()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(net.on_loop)
    with capture_logs() as logs:
        for _ in range(100):
            loop.call_soon(broken)
        task = loop.create_task(broken_later(), name="forgotten")
        await asyncio.gather(task, return_exceptions=True)
        loop.call_exception_handler({"message": "Task was destroyed but it is pending!"})
    assert net.count == 101
    first, pending = logs
    assert (first["event"], first["log_level"]) == ("fault.unowned", "error")
    assert (first["error"], first["lines_kept_back"]) == ("KeyError: 'injected'", 0)
    assert "broken" in first["where"]
    assert "destroyed" in pending["where"]
    json.dumps(logs)


def test_H9_a_thread_that_ends_by_an_exception_is_told() -> None:
    net = unhandled.LastNet()
    hook, threading.excepthook = threading.excepthook, net.on_thread
    try:
        with capture_logs() as logs:
            thread = threading.Thread(target=broken, name="captures")
            thread.start()
            thread.join()
    finally:
        threading.excepthook = hook
    assert [line["where"] for line in logs] == ["thread captures"]


def test_H9_processes_that_carry_calls_have_it() -> None:
    hook = threading.excepthook
    try:
        loop = unhandled.new_event_loop()
        assert loop.get_exception_handler() == unhandled.NET.on_loop
        assert threading.excepthook == unhandled.NET.on_thread
        loop.close()
    finally:
        threading.excepthook = hook
    folder = Path(unhandled.__file__).parent
    assert "Runner(loop_factory=unhandled.new_event_loop)" in (folder / "main_loop.py").read_text()
    for module in ("edge/app", "edge/outbound", "cli/testphone/dial"):
        assert "main_loop.run(" in (folder.parent / f"{module}.py").read_text()
