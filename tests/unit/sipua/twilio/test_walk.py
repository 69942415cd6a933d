"""A call's way through documents: what is asked for, in which order, and that it ends."""

from collections.abc import Sequence

import pytest

from sipua.twilio.steps import (
    Answer,
    CallTargets,
    Dialled,
    Fetch,
    FinishRecording,
    GiveUp,
    HangUp,
    JoinQueue,
    LeaveTargets,
    OpenStream,
    PlaySound,
    QueueLeft,
    RecordCaller,
    Recorded,
    Referred,
    RejectCall,
    SendKeys,
    SendRefer,
    Speak,
    Step,
    Stop,
)
from sipua.twilio.twiml.parse import parse_document
from sipua.twilio.twiml.verbs import (
    Action,
    Document,
    Record,
    Remark,
    StatusCallback,
    Stream,
)
from sipua.twilio.walk import MOST_DIGITS, MOST_FETCHES, MOST_IN_A_ROW, TwimlWalk

URL = "https://agent.example/voice/start?a=b"
NO_URL = "the URL of the next document is not valid"
FALLBACK = Action("https://agent.example/fallback")


def document(inside: str) -> Document:
    return parse_document(f"<Response>{inside}</Response>".encode())


class Call:
    """A walk, its clock, and what it has asked for."""

    def __init__(
        self, *, fallback: Action | None = None, answered: bool = False, records: bool = True
    ) -> None:
        self.walk = TwimlWalk(fallback, answered=answered, records=records)
        self.now = 100.0

    def begin(self, inside: str) -> Sequence[Step]:
        (fetch,) = self.walk.begin(Action(URL), self.now)
        assert fetch == Fetch(1, URL, "POST")
        return self.get(fetch, inside)

    def get(self, fetch: Step, inside: str) -> Sequence[Step]:
        assert isinstance(fetch, Fetch)
        return self.answer(self.walk.fetched(fetch.number, document(inside), self.now))

    def answer(self, asked: Sequence[Step]) -> Sequence[Step]:
        """And what comes behind it, where it is asked for."""
        if asked[-1:] != [Answer()]:
            return asked
        return [*asked, *self.walk.picked_up(self.now)]

    def fail(self, fetch: Step, code: int = 11_200) -> Sequence[Step]:
        assert isinstance(fetch, Fetch)
        return self.walk.fetch_failed(fetch.number, code, "answered 500", self.now)

    def played(self) -> Sequence[Step]:
        return self.walk.played(self.now)

    def keys(self, digits: str) -> list[Step]:
        return [step for digit in digits for step in self.walk.key(digit, self.now)]

    def expire(self) -> Sequence[Step]:
        assert self.walk.deadline is not None
        self.now = self.walk.deadline
        return self.walk.expire(self.now)


def say(text: str) -> Speak:
    return Speak(text)


# --- answering and the end --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "step"),
    [
        ("<Say>a</Say>", say("a")),
        ("<Play>b.wav</Play>", PlaySound("https://agent.example/voice/b.wav")),
        ("<Play digits='1w2'/>", SendKeys("1w2")),
        ("<Gather><Say>a</Say></Gather>", say("a")),
        ("<Connect><Stream url='wss://a/b'/></Connect>", OpenStream(Stream("wss://a/b"))),
        ("<Refer><Sip>sip:a@b</Sip></Refer>", SendRefer("sip:a@b")),
        ("<Enqueue>people</Enqueue>", JoinQueue("people")),
    ],
)
def test_the_first_verb_that_needs_audio_answers(inside: str, step: Step) -> None:
    assert Call().begin(inside) == [Answer(), step]
    assert Call(answered=True).begin(inside) == [step]


def test_a_pause_and_a_gather_answer_as_well() -> None:
    assert Call().begin("<Pause/>") == [Answer()]
    assert Call().begin("<Gather/>") == [Answer()]
    dial = document("<Dial>1</Dial>").verbs[0]
    assert Call().begin("<Dial>1</Dial>") == [Answer(), CallTargets(dial)]  # type: ignore[arg-type]


def test_nothing_is_heard_and_no_time_runs_before_both_sides_can_hear() -> None:
    walk = TwimlWalk()
    assert walk.begin_with(document("<Gather/><Say>a</Say>"), 100.0) == [Answer()]
    assert (walk.answered, walk.deadline) == (False, None)
    assert walk.picked_up(103.0) == []
    assert (walk.answered, walk.deadline) == (True, 108.0)
    assert walk.picked_up(104.0) == ()


def test_a_redirect_leaves_it_ringing_and_it_can_be_rejected() -> None:
    call = Call()
    (fetch,) = call.begin("<Redirect method='GET'>../busy</Redirect>")
    assert fetch == Fetch(2, "https://agent.example/busy", "GET")
    assert not call.walk.answered
    assert call.get(fetch, "<Reject reason='busy'/><Say>never</Say>") == [RejectCall("busy")]
    assert call.walk.over


def test_what_was_answered_cannot_be_rejected() -> None:
    call = Call()
    call.begin("<Say>a</Say><Reject/>")
    assert call.played() == [HangUp()]


def test_the_end_of_the_document_is_the_end_of_the_call() -> None:
    assert Call().begin("") == [HangUp()]
    call = Call()
    call.begin("<Say>a</Say>")
    assert call.played() == [HangUp()]
    assert call.walk.over
    assert call.played() == ()


def test_remarks_come_with_the_document() -> None:
    call = Call()
    remark, answer, spoken = call.begin("<Sms/><Say>a</Say>")
    assert isinstance(remark, Remark)
    assert (answer, spoken) == (Answer(), say("a"))


# --- sounds -----------------------------------------------------------------------------------


def test_sounds_one_after_the_other_with_loops_and_pauses() -> None:
    call = Call()
    assert call.begin("<Say loop='2'>a</Say><Pause length='3'/><Play loop='2'>x.wav</Play>")
    assert call.played() == [say("a")]
    assert call.walk.deadline is None
    assert call.played() == []
    assert call.walk.deadline == call.now + 3
    x = PlaySound("https://agent.example/voice/x.wav")
    assert call.expire() == [x]
    assert call.played() == [x]
    assert call.played() == [HangUp()]


def test_what_cannot_be_played_is_not_tried_again() -> None:
    call = Call()
    call.begin("<Play loop='0'>x.wav</Play><Say>b</Say>")
    remark, spoken = call.walk.not_played("x.wav: answered 404", call.now)
    assert remark == Remark(13_000, "x.wav: answered 404")
    assert spoken == say("b")


def test_a_url_that_is_none() -> None:
    call = Call()
    *_, remark, spoken = call.begin("<Play>ftp://a/b</Play><Say>b</Say>")
    assert isinstance(remark, Remark)
    assert spoken == say("b")
    for url in ("http://a b/", "javascript:1", "https://user:secret@a/", "https://[1/", "//:0:0"):
        assert Call().begin(f"<Redirect>{url}</Redirect>")[-1] == GiveUp(NO_URL), (
            "it may hold a key"
        )


# --- keys -------------------------------------------------------------------------------------

GATHER = "<Gather action='/keys' numDigits='3'><Say>a</Say><Say>b</Say></Gather><Say>no keys</Say>"


def fetch_keys(digits: str, finished_by: str = "", number: int = 2) -> Fetch:
    results = {"Digits": digits, "FinishedOnKey": finished_by}
    return Fetch(number, "https://agent.example/keys", "POST", results)


def test_keys_end_the_prompts_and_so_many_are_enough() -> None:
    call = Call()
    call.begin(GATHER)
    assert call.keys("1") == [Stop()]
    assert call.played() == ()  # of what was cut off
    assert call.keys("2") == []
    assert call.keys("3") == [fetch_keys("123")]
    assert call.keys("4") == []


def test_the_key_that_finishes_is_not_among_them() -> None:
    call = Call()
    call.begin(GATHER)
    assert call.keys("12#") == [Stop(), fetch_keys("12", "#")]


def test_the_time_between_keys_is_over() -> None:
    call = Call()
    call.begin(GATHER)
    call.keys("1")
    call.now += 4
    call.keys("2")
    assert call.walk.deadline == call.now + 5
    assert call.expire() == [fetch_keys("12")]


def test_no_key_is_no_request() -> None:
    call = Call()
    call.begin(GATHER)
    assert call.played() == [say("b")]
    assert call.played() == []
    assert call.walk.deadline == call.now + 5
    assert call.expire() == [say("no keys")]
    call = Call()
    call.begin(GATHER)
    assert call.keys("#") == [Stop(), say("no keys")]


def test_no_key_is_a_request_where_it_is_wanted() -> None:
    call = Call()
    call.begin("<Gather action='/keys' actionOnEmptyResult='true'/>")
    assert call.expire() == [fetch_keys("")]


def test_without_an_action_the_document_itself_is_asked_for() -> None:
    call = Call()
    call.begin("<Gather numDigits='1' method='GET'/>")
    (fetch,) = call.keys("7")
    assert fetch == Fetch(2, URL, "GET", {"Digits": "7", "FinishedOnKey": ""})


def test_keys_are_bounded() -> None:
    call = Call()
    call.begin("<Gather action='/keys'/>")
    assert call.keys("1" * (MOST_DIGITS + 5)) == [fetch_keys("1" * MOST_DIGITS)]


def test_speech_alone_goes_on_at_once() -> None:
    call = Call()
    *_, spoken = call.begin("<Gather input='speech'><Say>a</Say></Gather><Say>b</Say>")
    assert spoken == say("a")
    assert call.keys("1") == []
    assert call.played() == [say("b")]


def test_on_hold_nothing_can_be_pressed() -> None:
    call = Call()
    call.begin("<Gather/>")
    call.now += 4
    call.walk.postpone(call.now)
    assert call.walk.deadline == call.now + 5


def test_a_key_without_a_gather() -> None:
    call = Call()
    call.begin("<Say>a</Say><Gather action='/keys' numDigits='1'/>")
    assert call.keys("5") == []
    call.played()
    assert call.keys("6") == [fetch_keys("6")]


# --- streams, dials, refers, queues -------------------------------------------------------------


def test_behind_the_stream() -> None:
    call = Call()
    call.begin("<Connect><Stream url='/ws'/></Connect><Say>bye</Say>")
    assert call.walk.stream_ended(call.now) == [say("bye")]
    assert call.walk.stream_ended(call.now) == ()
    call = Call()
    assert call.begin("<Connect action='/after'><Stream url='/ws'/></Connect><Say>no</Say>")[
        1:
    ] == [OpenStream(Stream("wss://agent.example/ws"))]
    (fetch,) = call.walk.stream_ended(call.now)
    assert fetch == Fetch(2, "https://agent.example/after", "POST")
    assert call.get(fetch, "<Hangup/>") == [HangUp()]


def test_a_stream_that_is_no_websocket() -> None:
    remark, answer, spoken = Call().begin(
        "<Connect><Stream url='https://a/b'/></Connect><Say>a</Say>"
    )
    assert isinstance(remark, Remark)
    assert (answer, spoken) == (Answer(), say("a"))


@pytest.mark.parametrize("status", ["completed", "busy", "no-answer", "failed", "canceled"])
def test_the_action_of_a_dial_learns_how_it_was(status: str) -> None:
    call = Call()
    call.begin("<Dial action='/d'>1</Dial>")
    outcome = Dialled(status, 12 if status == "completed" else None, "CA1")  # type: ignore[arg-type]
    (fetch,) = call.walk.dialled(outcome, call.now)
    assert isinstance(fetch, Fetch)
    assert fetch.results["DialCallStatus"] == status
    assert fetch.results["DialCallSid"] == "CA1"
    assert fetch.results.get("DialCallDuration") == ("12" if status == "completed" else None)
    assert fetch.results["DialBridged"] == ("true" if status == "completed" else "false")


def test_a_dial_that_answers_with_its_target() -> None:
    call = Call()
    dial = "<Dial answerOnBridge='true'>1</Dial>"
    assert len(call.begin(f"{dial}<Reject/>")) == 1
    assert call.walk.dialled(Dialled("busy"), call.now) == [RejectCall("rejected")]
    call = Call()
    call.begin(f"{dial}<Say>a</Say>")
    assert call.walk.dialled(Dialled("completed", 3), call.now) == [say("a")]  # answered by it


def test_a_dial_that_can_call_nobody() -> None:
    call = Call()
    _, fetch = call.begin("<Dial action='/d'><Conference>x</Conference></Dial>")
    assert isinstance(fetch, Fetch)
    assert fetch.results == {"DialCallStatus": "failed", "DialBridged": "false"}
    _, answer, spoken = Call().begin("<Dial><Queue>x</Queue></Dial><Say>a</Say>")
    assert (answer, spoken) == (Answer(), say("a"))


def test_the_star_hangs_up_the_target() -> None:
    call = Call()
    call.begin("<Dial hangupOnStar='true'>1</Dial><Say>a</Say>")
    assert call.keys("1*") == [LeaveTargets()]
    assert call.walk.dialled(Dialled("completed", 3), call.now) == [say("a")]
    call = Call()
    call.begin("<Dial>1</Dial>")
    assert call.keys("*") == []


@pytest.mark.parametrize(
    ("outcome", "results"),
    [
        (
            Referred(202, 200),
            {
                "ReferCallStatus": "in-progress",
                "ReferSipResponseCode": "202",
                "NotifySipResponseCode": "200",
            },
        ),
        (
            Referred(202, 486),
            {
                "ReferCallStatus": "busy",
                "ReferSipResponseCode": "202",
                "NotifySipResponseCode": "486",
            },
        ),
        (Referred(405), {"ReferCallStatus": "failed", "ReferSipResponseCode": "405"}),
        (Referred(202), {"ReferSipResponseCode": "202"}),
    ],
)
def test_the_action_of_a_refer(outcome: Referred, results: dict[str, str]) -> None:
    """The vendor's page has these as examples."""
    call = Call()
    call.begin("<Refer action='/r'><Sip>sip:a@b</Sip></Refer>")
    (fetch,) = call.walk.referred(outcome, call.now)
    assert isinstance(fetch, Fetch)
    assert fetch.results == results


def test_the_action_of_a_queue() -> None:
    call = Call()
    call.begin("<Enqueue action='/q'>people</Enqueue>")
    (fetch,) = call.walk.queue_left(QueueLeft("bridged", 12), call.now)
    assert isinstance(fetch, Fetch)
    assert fetch.results == {"QueueResult": "bridged", "QueueTime": "12"}


# --- recordings ----------------------------------------------------------------------------------


def recorder(inside: str, number: int = 1) -> RecordCaller:
    (verb,) = document(inside).verbs
    assert isinstance(verb, Record)
    return RecordCaller(number, verb, Action("https://agent.example/r"))


RECORD = "<Record action='/r' finishOnKey='#*'/>"
DONE = Recorded("RE1", "https://edge.example/RE1", 7)
RESULTS = {
    "RecordingSid": "RE1",
    "RecordingUrl": "https://edge.example/RE1",
    "RecordingDuration": "7",
}


def test_without_a_directory_nothing_is_recorded() -> None:
    remark, hang_up = Call(records=False).begin("<Record/>")
    assert isinstance(remark, Remark)
    assert "`twilio.recordings`" in remark.text
    assert hang_up == HangUp()


def test_a_recording_and_its_action() -> None:
    call = Call()
    assert call.begin(f"{RECORD}<Say>no</Say>") == [Answer(), recorder(RECORD)]
    assert call.walk.deadline is None
    (fetch,) = call.walk.recorded(DONE, call.now)
    assert fetch == Fetch(2, "https://agent.example/r", "POST", RESULTS)
    assert call.walk.recorded(DONE, call.now) == ()


def test_a_key_ends_a_recording_once() -> None:
    call = Call()
    call.begin(RECORD)
    assert call.keys("12") == []
    assert call.keys("*#") == [FinishRecording(1)]
    (fetch,) = call.walk.recorded(DONE, call.now)
    assert isinstance(fetch, Fetch)
    assert fetch.results == {**RESULTS, "Digits": "*"}


def test_no_key_ends_it_where_none_is_wanted() -> None:
    call = Call()
    call.begin("<Record finishOnKey=''/>")
    assert call.keys("1234567890*#") == []


def test_without_a_sound_the_next_verb_follows() -> None:
    call = Call()
    call.begin(f"{RECORD}{RECORD}<Say>a</Say>")
    call.keys("#")
    assert call.walk.recorded(Recorded(), call.now) == [recorder(RECORD, 2)]
    assert call.walk.recorded(Recorded(), call.now) == [say("a")]


def test_without_an_action_of_its_own_the_document_is_asked_for() -> None:
    call = Call()
    *_, order = call.begin("<Record/>")
    assert isinstance(order, RecordCaller)
    assert order.after == Action(URL)
    (fetch,) = call.walk.recorded(DONE, call.now)
    assert fetch == Fetch(2, URL, "POST", RESULTS)
    walk = TwimlWalk(answered=True, records=True)
    (order,) = walk.begin_with(document("<Record/>"), 0.0)
    assert isinstance(order, RecordCaller)
    assert order.after is None
    assert walk.recorded(DONE, 0.0)[-1] == GiveUp(NO_URL)


def test_the_callback_of_a_recording_is_complete() -> None:
    call = Call()
    *_, order = call.begin("<Record recordingStatusCallback='told'/>")
    assert isinstance(order, RecordCaller)
    assert order.record.status_callback == StatusCallback("https://agent.example/voice/told")
    *_, remark, order = Call(answered=True).begin("<Record recordingStatusCallback='ftp://a'/>")
    assert isinstance(remark, Remark)
    assert "recordingStatusCallback" in remark.text
    assert isinstance(order, RecordCaller)
    assert order.record.status_callback is None


def test_a_document_without_a_url() -> None:
    walk = TwimlWalk(answered=True)
    assert walk.begin_with(document("<Say>a</Say><Gather numDigits='1'/>"), 0.0) == [say("a")]
    walk.played(0.0)
    assert walk.key("1", 0.0)[-1] == GiveUp(NO_URL)


def test_the_caller_hangs_up() -> None:
    call = Call()
    call.begin("<Connect><Stream url='wss://a'/></Connect><Say>no</Say>")
    call.walk.hung_up()
    assert call.walk.stream_ended(call.now) == ()
    assert call.walk.deadline is None


# --- what fails, and what does not end ------------------------------------------------------------


def test_the_fallback_is_told_what_failed() -> None:
    call = Call(fallback=FALLBACK)
    (first,) = call.walk.begin(Action(URL), call.now)
    remark, fetch = call.fail(first)
    assert remark == Remark(11_200, "answered 500")
    assert fetch == Fetch(2, FALLBACK.url, "POST", {"ErrorCode": "11200", "ErrorUrl": URL})
    assert call.get(fetch, "<Say>sorry</Say>") == [Answer(), say("sorry")]


def test_the_fallback_fails_as_well() -> None:
    call = Call(fallback=FALLBACK)
    (first,) = call.walk.begin(Action(URL), call.now)
    _, fetch = call.fail(first)
    assert call.fail(fetch)[-1] == GiveUp("answered 500")
    assert call.walk.over


def test_without_a_fallback() -> None:
    call = Call()
    (first,) = call.walk.begin(Action(URL), call.now)
    assert call.fail(first) == [Remark(11_200, "answered 500"), GiveUp("answered 500")]


def test_the_fallback_is_there_again_for_what_fails_later() -> None:
    call = Call(fallback=FALLBACK)
    (first,) = call.walk.begin(Action(URL), call.now)
    _, fetch = call.fail(first)
    (fetch,) = call.get(fetch, "<Redirect>/again</Redirect>")
    _, fetch = call.fail(fetch)
    assert isinstance(fetch, Fetch)
    assert fetch.url == FALLBACK.url


def test_a_document_that_leads_to_itself_ends() -> None:
    call = Call(fallback=Action(URL))
    (step,) = call.walk.begin(Action(URL), call.now)
    count = 0
    while isinstance(step, Fetch):
        count += 1
        call.now += 0.1
        (step,) = call.get(step, "<Redirect/>")
    assert step == GiveUp("documents lead to each other without an end")
    assert count == MOST_IN_A_ROW


def test_one_that_leads_to_itself_slowly_ends_as_well() -> None:
    call = Call()
    assert call.begin("<Pause/><Redirect/>") == [Answer()]
    count = 1
    while isinstance((step := call.expire()[-1]), Fetch):
        count += 1
        assert call.get(step, "<Pause/><Redirect/>") == []
    assert isinstance(step, GiveUp)
    assert count == MOST_FETCHES


def test_a_menu_that_is_heard_again_and_again_is_no_circle() -> None:
    call = Call()
    steps = call.begin("<Gather><Say>a</Say></Gather><Redirect/>")
    for _ in range(3 * MOST_IN_A_ROW):
        assert steps[-1] == say("a")
        call.played()
        (fetch,) = call.expire()
        steps = call.get(fetch, "<Gather><Say>a</Say></Gather><Redirect/>")


def test_many_verbs_that_take_no_time() -> None:
    """No depth of calls grows with the document."""
    nothing = "<Gather input='speech'><Play>ftp://a</Play><Play>ftp://b</Play></Gather>"
    steps = Call().begin(nothing * 200)
    assert steps[-1] == HangUp()
    many = "<Gather input='speech'>" + "<Play>ftp://a</Play>" * 900 + "</Gather>"
    assert Call().begin(many)[-1] == HangUp()
