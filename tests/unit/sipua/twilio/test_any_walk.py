"""Whatever documents say and whatever comes of it: one thing at a time, and never stuck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from sipua.twilio import steps
from sipua.twilio.steps import Awaited, Dialled, Last, QueueLeft, Recorded, Referred, Step
from sipua.twilio.twiml.parse import parse_document
from sipua.twilio.twiml.verbs import Action
from sipua.twilio.walk import TwimlWalk

VERBS = (
    "<Say>a</Say>",
    "<Say loop='0'>a</Say>",
    "<Play>x.wav</Play>",
    "<Play>ftp://x</Play>",
    "<Play digits='1'/>",
    "<Pause length='0'/>",
    "<Pause/>",
    "<Gather numDigits='1'><Say>a</Say><Pause/></Gather>",
    "<Gather timeout='0' actionOnEmptyResult='true'/>",
    "<Gather input='speech'><Play>ftp://x</Play></Gather>",
    "<Dial hangupOnStar='true' action='/a'>1</Dial>",
    "<Dial answerOnBridge='true'>1</Dial>",
    "<Dial action='/a'><Conference>x</Conference></Dial>",
    "<Connect><Stream url='/ws'/></Connect>",
    "<Connect action='http://['><Stream url='https://no'/></Connect>",
    "<Refer action='/a'><Sip>sip:a@b</Sip></Refer>",
    "<Enqueue>people</Enqueue>",
    "<Record/>",
    "<Record action='http://[' recordingStatusCallback='gopher://x'/>",
    "<Redirect/>",
    "<Redirect>gopher://x</Redirect>",
    "<Hangup/>",
    "<Reject/>",
    "<Sms/>",
)
DOCUMENTS = st.lists(st.sampled_from(VERBS), min_size=1, max_size=5).map(
    lambda inside: parse_document(f"<Response>{''.join(inside)}</Response>".encode())
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(("end", "fail", "key", "expire", "stray", "hold")),
        st.sampled_from("1*#"),
        st.sampled_from((0.0, 0.5, 3.0)),
        DOCUMENTS,
    ),
    min_size=10,
    max_size=40,
)


class Follower:
    """Holds the steps against what runs."""

    def __init__(self, walk: TwimlWalk) -> None:
        self.walk = walk
        self.running: Step | None = None
        self.over = False

    def take(self, asked: Sequence[Step]) -> None:
        for place, step in enumerate(asked):
            assert not self.over, "nothing comes behind the last step"
            if isinstance(step, steps.Stop):
                assert self.running is not None, "there is something to be stopped"
                self.running = None
            elif isinstance(step, get_args(Awaited)):
                assert self.running is None, "one thing at a time"
                assert place == len(asked) - 1
                self.running = step
            elif isinstance(step, steps.FinishRecording):
                assert isinstance(self.running, steps.RecordCaller)
                assert self.running.number == step.number
            elif isinstance(step, get_args(Last)):
                assert self.running is None
                self.over = True
        assert self.walk.over == self.over
        if not self.over:
            assert self.running is not None or self.walk.deadline is not None, "it is stuck"


@given(ACTS, st.booleans(), st.booleans(), st.booleans(), DOCUMENTS)
def test_one_thing_at_a_time_and_never_stuck(
    acts: list[tuple[str, str, float, object]],
    falls_back: bool,
    answered: bool,
    records: bool,
    first: object,
) -> None:
    fallback = Action("https://b.example/") if falls_back else None
    walk = TwimlWalk(fallback, answered=answered, records=records)
    follower = Follower(walk)
    now = 100.0
    follower.take(walk.begin(Action("https://a.example/v/"), now))
    documents = iter([first])
    for act, digit, passed_s, document in acts:
        now += passed_s
        running = follower.running
        match act:
            case "key":
                follower.take(walk.key(digit, now))
            case "hold":
                if walk.postpone(now):
                    assert walk.deadline is not None
                    assert walk.deadline > now, "nobody turns in circles meanwhile"
            case "expire" if walk.deadline is not None and running is None:
                now = max(now, walk.deadline)
                follower.take(walk.expire(now))
            case "stray":
                for late in _outcomes(walk, now, running):
                    assert late == (), "what is not awaited changes nothing"
            case "end" | "fail" if running is not None:
                follower.running = None
                follower.take(_end(walk, running, next(documents, document), now, act == "fail"))
    walk.hung_up()
    assert walk.played(now) == walk.key("1", now) == walk.expire(now) == ()


def _end(
    walk: TwimlWalk, running: Step, document: object, now: float, fails: bool
) -> Sequence[Step]:
    match running:
        case steps.Answer():
            return walk.picked_up(now)
        case steps.Fetch(number) if fails:
            return walk.fetch_failed(number, 11_200, "no", now)
        case steps.Fetch(number):
            return walk.fetched(number, document, now)  # type: ignore[arg-type]
        case steps.OpenStream():
            return walk.stream_ended(now)
        case steps.CallTargets():
            return walk.dialled(Dialled("busy" if fails else "completed", 1), now)
        case steps.SendRefer():
            return walk.referred(Referred(405 if fails else 202), now)
        case steps.JoinQueue():
            return walk.queue_left(QueueLeft("error" if fails else "leave"), now)
        case steps.RecordCaller():
            return walk.recorded(Recorded() if fails else Recorded("RE1"), now)
    return walk.not_played("no", now) if fails else walk.played(now)


def _outcomes(walk: TwimlWalk, now: float, running: Step | None) -> list[Sequence[Step]]:
    """Of all that does not run."""
    found: list[Sequence[Step]] = [walk.fetched(10**6, parse_document(b""), now)]
    if not isinstance(running, steps.Answer):
        found.append(walk.picked_up(now))
    if not isinstance(running, steps.OpenStream):
        found.append(walk.stream_ended(now))
    if not isinstance(running, steps.CallTargets):
        found.append(walk.dialled(Dialled("failed"), now))
    if not isinstance(running, steps.SendRefer):
        found.append(walk.referred(Referred(202), now))
    if not isinstance(running, steps.JoinQueue):
        found.append(walk.queue_left(QueueLeft("leave"), now))
    if not isinstance(running, steps.RecordCaller):
        found.append(walk.recorded(Recorded("RE1"), now))
    if not isinstance(running, steps.Speak | steps.PlaySound | steps.SendKeys):
        found += [walk.played(now), walk.not_played("no", now)]
    return found
