"""Documents carried out, without a call and a network: a test plays both. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sipua.twilio import steps
from sipua.twilio.fetch import FetchError
from sipua.twilio.run import NotPlayedError, TwimlRun
from sipua.twilio.steps import Dialled, QueueLeft, Recorded, Referred
from sipua.twilio.twiml.parse import TwimlError, parse_document
from sipua.twilio.twiml.verbs import Action, Dial, Document, Remark, Stream
from sipua.twilio.walk import TwimlWalk

pytestmark = pytest.mark.usefixtures("virtual_clock")

URL = "https://agent.example/start"


def document(inside: str) -> Document:
    return parse_document(f"<Response>{inside}</Response>".encode())


class Phone:
    """Writes down what is done, and when."""

    def __init__(self, **documents: str) -> None:
        """By the last part of their URLs."""
        self._documents = documents
        self._began = asyncio.get_running_loop().time()
        self.done: list[str] = []
        self.on_hold = False
        self.left = asyncio.Event()
        self.finished = asyncio.Event()
        self.held_up_s = 0.0
        """How long it takes to let go of a stream."""

    def note(self, what: str) -> None:
        self.done.append(f"{asyncio.get_running_loop().time() - self._began:g} {what}")

    def remark(self, remark: Remark) -> None:
        self.note(f"remark {remark.code}")

    async def answer(self) -> None:
        await asyncio.sleep(1)
        self.note("answered")

    async def document(self, fetch: steps.Fetch) -> Document:
        name = fetch.url.rpartition("/")[2]
        self.note(
            " ".join([fetch.method, name, *(fetch.results[key] for key in sorted(fetch.results))])
        )
        if name not in self._documents:
            raise FetchError(11_200, "it answered 404")
        if not self._documents[name]:
            raise TwimlError("the document is not well formed")
        return document(self._documents[name])

    async def speak(self, speak: steps.Speak) -> None:
        await self._lasting(f"say {speak.text}", 2)

    async def play(self, url: str) -> None:
        raise NotPlayedError(url)

    async def send_keys(self, digits: str) -> None:
        await self._lasting(f"keys {digits}", 1)

    async def stream(self, stream: Stream) -> None:
        await self._lasting(f"stream {stream.url}", 30)

    async def dial(self, dial: Dial) -> Dialled:
        self.note(f"dial {len(dial.targets)}")
        await self.left.wait()
        return Dialled("completed", 7)

    def leave_targets(self) -> None:
        self.left.set()

    async def record(self, order: steps.RecordCaller) -> Recorded:
        self.note("record")
        await self.finished.wait()
        return Recorded("RE1", "https://e/RE1", 7)

    def finish_recording(self, number: int) -> None:
        assert number == 1
        self.finished.set()

    async def refer(self, uri: str) -> Referred:
        self.note(f"refer {uri}")
        return Referred(405)

    async def queue(self, name: str) -> QueueLeft:
        self.note(f"queue {name}")
        return QueueLeft("bridged")

    def reject(self, reason: str) -> None:
        self.note(f"reject {reason}")

    def hang_up(self) -> None:
        self.note("hang up")

    def give_up(self, detail: str) -> None:
        self.note(f"give up: {detail}")

    async def _lasting(self, what: str, seconds: float) -> None:
        self.note(what)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            await asyncio.sleep(self.held_up_s)
            self.note(f"no more {what.partition(' ')[0]}")
            raise


class Scene:
    def __init__(self, **documents: str) -> None:
        """`instead`: of those that fail."""
        self.phone = Phone(**documents)
        fallback = Action("https://agent.example/instead") if "instead" in documents else None
        self.run = TwimlRun(TwimlWalk(fallback, records=True), self.phone)

    async def play(self, *acts: tuple[float, Callable[[], object]]) -> list[str]:
        """`acts`: what happens meanwhile, and when."""
        work = asyncio.ensure_future(self.run.run(Action(URL)))
        now = 0.0
        for at, act in acts:
            await asyncio.sleep(at - now)
            now = at
            act()
        await work
        return self.phone.done


async def test_one_thing_after_the_other() -> None:
    scene = Scene(
        start="<Say>a</Say><Play digits='12'/><Pause length='3'/><Play>x.wav</Play>"
        "<Refer><Sip>sip:a@b</Sip></Refer><Enqueue>people</Enqueue>"
        "<Connect action='next'><Stream url='wss://a/b'/></Connect>",
        next="<Hangup/>",
    )
    assert await scene.play() == [
        "0 POST start",
        "1 answered",
        "1 say a",
        "3 keys 12",
        "7 remark 13000",
        "7 refer sip:a@b",
        "7 queue people",
        "7 stream wss://a/b",
        "37 POST next",
        "37 hang up",
    ]


async def test_keys() -> None:
    scene = Scene(
        start="<Gather action='keys' numDigits='2'><Say>a</Say></Gather>", keys="<Say>b</Say>"
    )
    assert await scene.play((1.5, lambda: scene.run.key("4")), (3, lambda: scene.run.key("2"))) == [
        "0 POST start",
        "1 answered",
        "1 say a",
        "1.5 no more say",
        "3 POST keys 42 ",
        "3 say b",
        "5 hang up",
    ]


async def test_no_keys_while_on_hold() -> None:
    scene = Scene(start="<Gather/><Say>b</Say>")
    hold: list[tuple[float, Callable[[], object]]] = [
        (2, lambda: setattr(scene.phone, "on_hold", True)),
        (8, lambda: setattr(scene.phone, "on_hold", False)),
    ]
    assert (await scene.play(*hold))[-2:] == ["11 say b", "13 hang up"]


async def test_the_star() -> None:
    scene = Scene(start="<Dial hangupOnStar='true'>1</Dial><Say>b</Say>")
    assert (await scene.play((9, lambda: scene.run.key("*"))))[2:] == [
        "1 dial 1",
        "9 say b",
        "11 hang up",
    ]


async def test_a_pause_goes_by_on_hold() -> None:
    scene = Scene(start="<Pause length='3'/><Say>b</Say>")
    scene.phone.on_hold = True
    assert (await scene.play())[-2:] == ["4 say b", "6 hang up"]


async def test_a_recording() -> None:
    scene = Scene(start="<Record action='next'/><Say>no</Say>", next="<Hangup/>")
    assert (await scene.play((9, lambda: scene.run.key("7"))))[2:] == [
        "1 record",
        "9 POST next 7 7 RE1 https://e/RE1",
        "9 hang up",
    ]


async def test_the_end_waits_until_the_last_has_let_go() -> None:
    scene = Scene(start="<Connect><Stream url='wss://a/b'/></Connect>")
    scene.phone.held_up_s = 2
    work = asyncio.ensure_future(scene.run.run(Action(URL)))
    await asyncio.sleep(5)
    work.cancel()
    await asyncio.wait([work])
    assert scene.phone.done[-1] == "7 no more stream"


async def test_a_document_that_does_not_come() -> None:
    assert await Scene().play() == ["0 POST start", "0 remark 11200", "0 give up: it answered 404"]
    scene = Scene(start="", instead="<Reject reason='busy'/>")
    assert await scene.play() == [
        "0 POST start",
        "0 remark 12100",
        f"0 POST instead 12100 {URL}",
        "0 reject busy",
    ]


async def test_the_call_ends() -> None:
    scene = Scene(start="<Connect><Stream url='wss://a/b'/></Connect>")
    work = asyncio.ensure_future(scene.run.run(Action(URL)))
    await asyncio.sleep(5)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert scene.phone.done[-1] == "5 no more stream"


async def test_a_document_of_its_own() -> None:
    scene = Scene()
    await scene.run.run(document("<Say>a</Say>"))
    assert scene.phone.done == ["1 answered", "1 say a", "3 hang up"]


async def test_a_fault_of_ours_is_no_silence() -> None:
    scene = Scene(start="<Say>a</Say>")

    async def broken(_: steps.Speak) -> None:
        raise ZeroDivisionError

    scene.phone.speak = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await scene.play()


async def test_a_flood_of_keys_is_bounded() -> None:
    scene = Scene(start="<Gather action='keys'/>", keys="<Hangup/>")

    def flood() -> None:
        for _ in range(10_000):
            scene.run.key("1")

    done = await scene.play((2, flood))
    (fetch,) = (line for line in done if "POST keys" in line)
    assert fetch == f"7 POST keys {'1' * 32} "
