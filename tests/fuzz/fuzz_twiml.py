"""Any answer of an agent's web server is a document or a TwimlError, and a walk through it ends, or
waits for something: whatever comes of its steps."""

import sys
from pathlib import Path
from typing import Any, get_args

import atheris

with atheris.instrument_imports():
    from sipua.twilio import steps
    from sipua.twilio.rest.complete import unresolved
    from sipua.twilio.steps import Awaited, Dialled, QueueLeft, Referred
    from sipua.twilio.twiml.parse import TwimlError, parse_document
    from sipua.twilio.twiml.verbs import Action, Document
    from sipua.twilio.walk import TwimlWalk

AWAITED = get_args(Awaited)
URL = "https://agent.example/voice?key=s3cret"


def outcome(walk: TwimlWalk, running: Any, well: bool, document: Document, now: float) -> Any:
    match running:
        case steps.Answer():
            return walk.picked_up(now)
        case steps.Fetch(number):
            fails = not well
            return (
                walk.fetch_failed(number, 11_200, "no", now)
                if fails
                else walk.fetched(number, document, now)
            )
        case steps.OpenStream():
            return walk.stream_ended(now)
        case steps.CallTargets():
            return walk.dialled(Dialled("completed" if well else "busy", 1), now)
        case steps.SendRefer():
            return walk.referred(Referred(202 if well else 405), now)
        case steps.JoinQueue():
            return walk.queue_left(QueueLeft("leave" if well else "error"), now)
    return walk.played(now) if well else walk.not_played("no", now)


def test_one_input(data: bytes) -> None:
    given = atheris.FuzzedDataProvider(data)
    plan = given.ConsumeBytes(12)
    body = given.ConsumeBytes(given.remaining_bytes())
    try:
        document = parse_document(body)
    except TwimlError as error:
        assert len(str(error)) < 500  # noqa: PT017
        return
    unresolved(document)
    walk, now, running = TwimlWalk(Action(URL), answered=bool(plan[:1] > b"\x7f")), 100.0, None
    asked = walk.begin(Action(URL), now)
    for act in plan:
        for step in asked:
            assert "s3cret" not in repr(step), step
            if isinstance(step, steps.Stop):
                running = None
            elif isinstance(step, AWAITED):
                assert running is None
                running = step
        if walk.over:
            break
        assert running is not None or walk.deadline is not None, "it waits for something"
        now += act / 16
        if act % 5 == 0:
            asked = walk.key("123*#"[act % 4], now)
        elif running is not None:
            running, was = None, running
            asked = outcome(walk, was, act % 3 > 0, document, now)
        elif walk.postpone(now):
            assert walk.deadline is not None
            assert walk.deadline > now
            asked = walk.expire(walk.deadline)
        else:
            asked = walk.expire(max(now, walk.deadline or now))
    walk.hung_up()


SEEDS = (
    "<Say language='de'>a</Say><Play loop='2'>/a.wav</Play><Pause length='3'/>",
    "<Gather numDigits='3' finishOnKey='#' action='/k'><Say>a</Say></Gather>",
    "<Connect action='/'><Stream url='ws://a'><Parameter name='a' value='b'/></Stream></Connect>",
    "<Dial timeout='5' action='a'><Number sendDigits='1'>+1</Number><Sip>sip:a@b</Sip></Dial>",
    "<Refer><Sip>sip:a@b</Sip></Refer><Enqueue>a</Enqueue>",
    "<Redirect method='GET'>../b</Redirect><Reject reason='busy'/><Hangup/>",
)
if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
    for number, seed in enumerate(SEEDS):
        (Path(sys.argv[1]) / f"seed-{number}").write_bytes(
            bytes(range(12)) + f"<Response>{seed}</Response>".encode()
        )

atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
