"""A call's way through TwiML documents. No I/O: outcomes, keys and times in, steps out.

    URL ─▶ fetch ─▶ verb ─▶ verb ─▶ … ─▶ the end: hang up
             ▲        └─ its `action`, or a redirect: the next document
             └────────── fails: the fallback's URL, once; it fails as well: give up

A call that comes in goes on ringing until the first verb that needs its audio: until then it can be
rejected. Documents that lead to each other end with the call: only so many are fetched in a row
without any time between them, and only so many in all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, TypeAlias, assert_never

from sipua.twilio import steps
from sipua.twilio.steps import Step
from sipua.twilio.twiml import verbs
from sipua.twilio.twiml.verbs import Action, Document, Gather, Prompt, Remark, Verb
from sipua.twilio.urls import INVALID_URL, SOCKET, resolved, resolved_callback

MOST_FETCHES: Final = 2000
MOST_IN_A_ROW: Final = 20
_PAUSE_S: Final = 1.0
"""Between two documents: those behind it are in no row with those before it."""
MOST_DIGITS: Final = 128
NOT_PLAYED: Final = 13_000

_Waits: TypeAlias = Literal[
    "", "answer", "fetch", "sound", "pause", "keys", "stream", "dial", "refer", "queue", "record"
]
_NO_DIRECTORY: Final = "Record: is not possible here: `twilio.recordings` names no directory"


class TwimlWalk:
    def __init__(
        self, fallback: Action | None = None, *, answered: bool = False, records: bool = False
    ) -> None:
        """`answered`: a call that we place, and whose other side is there. `records`: callers can
        be recorded."""
        self._fallback = fallback
        self._records = records
        self.answered = answered
        self.over = False
        self.deadline: float | None = None
        """When to call `expire`."""
        self._waits: _Waits = ""
        self._url = ""
        """Of the document."""
        self._verbs: deque[Verb] = deque()
        self._action: Action | None = None
        """Of the verb that runs."""
        self._prompts: deque[Prompt] = deque()
        self._prompt: Prompt | None = None
        self._loops = 0
        """How often it is still to be heard."""
        self._gather: Gather | None = None
        self._digits = ""
        self._dial: verbs.Dial | None = None
        self._recording: steps.RecordCaller | None = None
        self._recordings = 0
        self._fetches = 0
        self._in_a_row = 0
        self._fetched_at: float | None = None
        self._asked_for = ""
        """The URL of the document that is being fetched."""
        self._by_fallback = False

    # --- documents ------------------------------------------------------------------------

    def begin(self, first: Action, now: float) -> Sequence[Step]:
        return self._go_on(self._fetch(first, {}, now), now)

    def begin_with(self, document: Document, now: float) -> Sequence[Step]:
        """One that came without a URL."""
        return self._run(document, "", now)

    def fetched(self, number: int, document: Document, now: float) -> Sequence[Step]:
        if not self._is_awaited(number):
            return ()
        self._by_fallback = False
        return self._run(document, self._asked_for, now)

    def fetch_failed(self, number: int, code: int, text: str, now: float) -> Sequence[Step]:
        """None came, or none that can be read; `code` as the vendor numbers its errors."""
        if not self._is_awaited(number):
            return ()
        return self._go_on(self._no_document(code, text, now), now)

    def hung_up(self) -> None:
        """The call is over."""
        self._wait("")
        self.over = True

    def picked_up(self, now: float) -> Sequence[Step]:
        """Both sides can hear each other."""
        if self._waits != "answer":
            return ()
        self.answered = True
        self._wait("")
        return self._go_on((), now)

    # --- ends of what was asked for ---------------------------------------------------------

    def played(self, now: float) -> Sequence[Step]:
        if self._waits != "sound":
            return ()
        self._loops -= 1
        return self._go_on(self._sound(now), now)

    def not_played(self, text: str, now: float) -> Sequence[Step]:
        """It cannot be heard; not once more either."""
        if self._waits != "sound":
            return ()
        self._loops = 0
        return self._go_on([Remark(NOT_PLAYED, text), *self._sound(now)], now)

    def key(self, digit: str, now: float) -> Sequence[Step]:
        if self._waits == "dial":
            hangs_up = digit == "*" and self._dial is not None and self._dial.hangup_on_star
            return [steps.LeaveTargets()] if hangs_up else ()
        if self._waits == "record":
            return self._finish_recording(digit)
        gather = self._gather
        if gather is None or not gather.takes_keys or self._waits not in ("sound", "pause", "keys"):
            return ()
        hush: list[Step] = [steps.Stop()] if self._waits == "sound" else []
        self._prompts.clear()
        if digit == gather.finish_on_key:
            return self._go_on([*hush, *self._gathered(digit, now)], now)
        self._digits += digit
        if len(self._digits) >= min(gather.num_digits or MOST_DIGITS, MOST_DIGITS):
            return self._go_on([*hush, *self._gathered("", now)], now)
        self._wait("keys", now + gather.timeout_s)
        return hush

    def expire(self, now: float) -> Sequence[Step]:
        """The deadline is over."""
        match self._waits:
            case "pause":
                self._loops -= 1
                return self._go_on(self._sound(now), now)
            case "keys":
                return self._go_on(self._gathered("", now), now)
        return ()

    def postpone(self, now: float) -> bool:
        """The caller is on hold, and presses nothing. False: it does not wait for keys."""
        if self._waits != "keys" or self._gather is None:
            return False
        self.deadline = now + max(self._gather.timeout_s, 1)
        return True

    def stream_ended(self, now: float) -> Sequence[Step]:
        return self._ended("stream", {}, now)

    def dialled(self, outcome: steps.Dialled, now: float) -> Sequence[Step]:
        if self._waits == "dial" and outcome.status == "completed":
            self.answered = True
        return self._ended("dial", outcome.results(), now)

    def referred(self, outcome: steps.Referred, now: float) -> Sequence[Step]:
        return self._ended("refer", outcome.results(), now)

    def queue_left(self, outcome: steps.QueueLeft, now: float) -> Sequence[Step]:
        return self._ended("queue", outcome.results(), now)

    def recorded(self, outcome: steps.Recorded, now: float) -> Sequence[Step]:
        if self._waits == "record" and not outcome.sid:
            self._action = None
        return self._ended("record", outcome.results(self._digits), now)

    def _ended(self, what: _Waits, results: dict[str, str], now: float) -> Sequence[Step]:
        return self._go_on(self._after(results, now), now) if self._waits == what else ()

    # --- verbs --------------------------------------------------------------------------------

    def _run(self, document: Document, url: str, now: float) -> Sequence[Step]:
        self._url = url
        self._verbs = deque(document.verbs)
        self._wait("")
        return self._go_on(document.remarks, now)

    def _go_on(self, asked: Sequence[Step], now: float) -> Sequence[Step]:
        """The verbs from here on, unless one runs, up to the first one that takes time."""
        asked = list(asked)
        while not (self._waits or self.over):
            if self._verbs:
                asked += self._begin(self._verbs.popleft(), now)
            else:
                self.over = True
                asked.append(steps.HangUp())
        return asked

    def _begin(self, verb: Verb, now: float) -> Sequence[Step]:
        if not self.answered and self._needs_audio(verb):
            self._verbs.appendleft(verb)
            self._wait("answer")
            return [steps.Answer()]
        match verb:
            case verbs.Say() | verbs.Play() | verbs.Pause():
                return self._begin_sounds((verb,), None, now)
            case verbs.Gather():
                return self._begin_sounds(verb.prompts, verb, now)
            case verbs.Connect():
                return self._connect(verb)
            case verbs.Dial():
                return self._call_targets(verb, now)
            case verbs.Refer():
                self._action = verb.action
                self._wait("refer")
                return [steps.SendRefer(verb.uri)]
            case verbs.Enqueue():
                self._action = verb.action
                self._wait("queue")
                return [steps.JoinQueue(verb.name)]
            case verbs.Record():
                return self._record(verb)
            case verbs.Redirect():
                return self._fetch(verb.to, {}, now)
            case verbs.Reject():
                self.over = True
                return [steps.HangUp() if self.answered else steps.RejectCall(verb.reason)]
            case verbs.Hangup():
                self.over = True
                return [steps.HangUp()]
            case _:
                assert_never(verb)

    def _needs_audio(self, verb: Verb) -> bool:
        match verb:
            case verbs.Connect(stream):
                return resolved(self._url, stream.url, SOCKET) is not None
            case verbs.Dial():
                return bool(verb.targets) and not verb.answer_on_bridge
            case verbs.Record():
                return self._records
            case verbs.Redirect() | verbs.Reject() | verbs.Hangup():
                return False
        return True

    def _connect(self, verb: verbs.Connect) -> Sequence[Step]:
        url = resolved(self._url, verb.stream.url, SOCKET)
        if url is None:
            return [Remark(INVALID_URL, "Connect->Stream: url is none of a websocket")]
        self._action = verb.action
        self._wait("stream")
        told, remarks = resolved_callback(
            self._url, verb.stream.status_callback, "Connect->Stream: statusCallback"
        )
        stream = replace(verb.stream, url=url, status_callback=told)
        return [*remarks, steps.OpenStream(stream)]

    def _record(self, verb: verbs.Record) -> Sequence[Step]:
        if not self._records:
            return [Remark(NOT_PLAYED, _NO_DIRECTORY)]
        self._action, self._digits = verb.action, ""
        self._recordings += 1
        self._wait("record")
        told, remarks = resolved_callback(
            self._url, verb.status_callback, "Record: recordingStatusCallback"
        )
        url = resolved(self._url, verb.action.url)
        after = None if url is None else replace(verb.action, url=url)
        record = replace(verb, status_callback=told)
        self._recording = steps.RecordCaller(self._recordings, record, after)
        return [*remarks, self._recording]

    def _finish_recording(self, digit: str) -> Sequence[Step]:
        one = self._recording
        if one is None or self._digits or digit not in one.record.finish_on_key:
            return ()
        self._digits = digit
        return [steps.FinishRecording(one.number)]

    def _call_targets(self, verb: verbs.Dial, now: float) -> Sequence[Step]:
        self._action = verb.action
        if not verb.targets:
            return self._after(steps.Dialled("failed").results(), now)
        self._dial = verb
        self._wait("dial")
        return [steps.CallTargets(verb)]

    def _after(self, results: dict[str, str], now: float) -> Sequence[Step]:
        """The verb that ran is over: its action, or the next verb."""
        self._wait("")
        return () if self._action is None else self._fetch(self._action, results, now)

    # --- sounds and keys ----------------------------------------------------------------------

    def _begin_sounds(
        self, prompts: tuple[Prompt, ...], gather: Gather | None, now: float
    ) -> Sequence[Step]:
        self._prompts = deque(prompts)
        self._loops, self._digits, self._gather = 0, "", gather
        return self._sound(now)

    def _sound(self, now: float) -> Sequence[Step]:
        """The next one that is to be heard, or what follows on the last."""
        self._wait("")
        asked: list[Step] = []
        while self._loops > 0 or self._prompts:
            if self._loops <= 0:
                self._prompt = self._prompts.popleft()
                self._loops = 1 if isinstance(self._prompt, verbs.Pause) else self._prompt.loop
            if isinstance(self._prompt, verbs.Pause):
                self._wait("pause", now + self._prompt.length_s)
                return asked
            if (step := self._step_of(self._prompt)) is not None:
                self._wait("sound")
                return [*asked, step]
            asked.append(Remark(INVALID_URL, "Play: its URL is not valid"))
            self._loops = 0
        return [*asked, *self._heard_all(now)]

    def _step_of(self, prompt: verbs.Say | verbs.Play | None) -> Step | None:
        match prompt:
            case verbs.Say(text, voice, language):
                return steps.Speak(text, voice, language)
            case verbs.Play(digits=digits) if digits:
                return steps.SendKeys(digits)
            case verbs.Play(url=url) if (whole := resolved(self._url, url)) is not None:
                return steps.PlaySound(whole)
        return None

    def _heard_all(self, now: float) -> Sequence[Step]:
        gather = self._gather
        if gather is None:
            return ()
        if not gather.takes_keys:
            return self._gathered("", now)
        self._wait("keys", now + gather.timeout_s)
        return ()

    def _gathered(self, finished_by: str, now: float) -> Sequence[Step]:
        gather = self._gather
        assert gather is not None
        self._wait("")
        if not self._digits and not gather.action_on_empty_result:
            return ()
        results = {"Digits": self._digits, "FinishedOnKey": finished_by}
        return self._fetch(gather.action, results, now)

    # --- fetching -----------------------------------------------------------------------------

    def _fetch(self, action: Action, results: dict[str, str], now: float) -> Sequence[Step]:
        url = resolved(self._url, action.url)
        if url is None:
            self._asked_for = action.url
            return self._no_document(INVALID_URL, "the URL of the next document is not valid", now)
        in_time = self._fetched_at is not None and now - self._fetched_at < _PAUSE_S
        self._in_a_row = self._in_a_row + 1 if in_time else 1
        self._fetched_at = now
        self._fetches += 1
        if self._in_a_row > MOST_IN_A_ROW or self._fetches > MOST_FETCHES:
            return self._give_up("documents lead to each other without an end")
        self._asked_for = url
        self._wait("fetch")
        return [steps.Fetch(self._fetches, url, action.method, results)]

    def _is_awaited(self, number: int) -> bool:
        return self._waits == "fetch" and number == self._fetches

    def _no_document(self, code: int, text: str, now: float) -> Sequence[Step]:
        remark = Remark(code, text)
        if self._fallback is None or self._by_fallback:
            return [remark, *self._give_up(text)]
        self._by_fallback = True
        results = {"ErrorCode": str(code), "ErrorUrl": self._asked_for}
        return [remark, *self._fetch(self._fallback, results, now)]

    def _give_up(self, detail: str) -> Sequence[Step]:
        self._wait("")
        self.over = True
        return [steps.GiveUp(detail)]

    def _wait(self, for_: _Waits, until: float | None = None) -> None:
        self._waits, self.deadline = for_, until
