"""Documents: what the vendor's own library writes is read; what strangers write is bounded."""

import contextlib
import inspect
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml import voice_response as twiml

from sipua.twilio.twiml import verbs, xml
from sipua.twilio.twiml.parse import (
    LONGEST_TEXT,
    MOST_PARAMETERS,
    MOST_TARGETS,
    MOST_VERBS,
    TwimlError,
    parse_document,
)
from sipua.twilio.twiml.verbs import Action, Document, StatusCallback

OWN = Action("")


def read(document: object) -> Document:
    return parse_document(str(document).encode())


def response(inside: str) -> Document:
    return read(f"<Response>{inside}</Response>")


def remarks(inside: str) -> list[str]:
    return [remark.text for remark in response(inside).remarks]


# --- what the vendor's library writes ---------------------------------------------------------


def test_the_document_of_nearly_all_agents() -> None:
    answer = twiml.VoiceResponse()
    connect = answer.connect(action="/after", method="GET")
    stream = connect.stream(
        url="wss://agent.example/ws",
        name="one",
        status_callback="https://agent.example/status",
        status_callback_method="GET",
    )
    stream.parameter(name="from_number", value="+43 & <1>")
    stream.parameter(name="tenant", value="ü")
    assert read(answer) == Document(
        (
            verbs.Connect(
                verbs.Stream(
                    "wss://agent.example/ws",
                    name="one",
                    parameters={"from_number": "+43 & <1>", "tenant": "ü"},
                    status_callback=StatusCallback("https://agent.example/status", "GET"),
                ),
                Action("/after", "GET"),
            ),
        )
    )


def test_every_verb_with_all_that_is_carried_out() -> None:
    answer = twiml.VoiceResponse()
    answer.say("Hello\n  there", voice="alice", language="de-AT", loop=2)
    answer.play("hello.wav", loop=3)
    answer.play(digits="1w2#")
    answer.pause(length=40)
    gather = answer.gather(
        action="/keys",
        method="GET",
        timeout=7,
        finish_on_key="*",
        num_digits=4,
        action_on_empty_result=True,
    )
    gather.say("Press")
    gather.pause()
    gather.play("beep.wav")
    dial = answer.dial(
        action="/dialled",
        timeout=20,
        time_limit=600,
        caller_id="+431",
        answer_on_bridge=True,
        hangup_on_star=True,
    )
    dial.number("+43123", send_digits="ww1")
    dial.sip("sip:bob@example.com?X-A=b")
    answer.refer(action="/referred").sip("sip:eve@example.com")
    answer.record(
        action="/r",
        timeout=3,
        max_length=60,
        finish_on_key="#",
        play_beep=False,
        trim="do-not-trim",
        recording_status_callback="/told",
        recording_status_callback_method="GET",
    )
    answer.enqueue("support", action="/left")
    answer.redirect("../next", method="GET")
    answer.hangup()
    answer.reject(reason="busy")

    document = read(answer)
    assert document.remarks == ()
    assert document.verbs == (
        verbs.Say("Hello there", "alice", "de-AT", 2),
        verbs.Play("hello.wav", loop=3),
        verbs.Play(digits="1w2#"),
        verbs.Pause(40),
        verbs.Gather(
            (verbs.Say("Press"), verbs.Pause(), verbs.Play("beep.wav")),
            Action("/keys", "GET"),
            timeout_s=7,
            finish_on_key="*",
            num_digits=4,
            action_on_empty_result=True,
        ),
        verbs.Dial(
            (verbs.Number("+43123", "ww1"), verbs.Sip("sip:bob@example.com?X-A=b")),
            Action("/dialled"),
            timeout_s=20,
            time_limit_s=600,
            caller_id="+431",
            answer_on_bridge=True,
            hangup_on_star=True,
        ),
        verbs.Refer("sip:eve@example.com", Action("/referred")),
        verbs.Record(
            Action("/r"),
            3,
            60,
            "#",
            play_beep=False,
            trim=False,
            status_callback=verbs.StatusCallback("/told", "GET"),
        ),
        verbs.Enqueue("support", Action("/left")),
        verbs.Redirect(Action("../next", "GET")),
        verbs.Hangup(),
        verbs.Reject("busy"),
    )


def test_every_verb_with_nothing_but_its_name() -> None:
    answer = twiml.VoiceResponse()
    answer.say("a")
    answer.play("u")
    answer.pause()
    answer.gather()
    answer.dial("+431")
    answer.record()
    answer.enqueue("q")
    answer.redirect("")
    answer.reject()
    assert read(answer).verbs == (
        verbs.Say("a"),
        verbs.Play("u"),
        verbs.Pause(1),
        verbs.Gather((), OWN, 5, "#", None, action_on_empty_result=False),
        verbs.Dial((verbs.Number("+431"),), None, 30, 14_400),
        verbs.Record(OWN, 5, 3600, "1234567890*#", play_beep=True),
        verbs.Enqueue("q"),
        verbs.Redirect(OWN),
        verbs.Reject("rejected"),
    )
    assert read(answer).remarks == ()


_WORDS: dict[str, Any] = {"message": "a", "url": "u", "name": "q", "number": "+431"}


@pytest.mark.parametrize(
    "verb",
    [
        "say",
        "play",
        "pause",
        "gather",
        "dial",
        "connect",
        "refer",
        "record",
        "enqueue",
        "redirect",
        "hangup",
        "reject",
    ],
)
def test_an_attribute_is_carried_out_or_remarked_on(verb: str) -> None:
    """Each that the vendor's library knows: it changes the verb, or there is a remark."""
    method = getattr(twiml.VoiceResponse, verb)
    content = {
        name: _WORDS[name] for name in inspect.signature(method).parameters if name in _WORDS
    }
    if verb == "connect":
        content = {}
    plain = twiml.VoiceResponse()
    _inside(getattr(plain, verb)(**content))
    for name in set(inspect.signature(method).parameters) - {"self", "kwargs", *_WORDS}:
        with_it = twiml.VoiceResponse()
        _inside(getattr(with_it, verb)(**content, **{name: _other_value(name)}))
        document = read(with_it)
        assert document.remarks or document.verbs != read(plain).verbs, name


def _inside(verb: Any) -> None:
    if isinstance(verb, twiml.Connect):
        verb.stream(url="wss://a")
    elif isinstance(verb, twiml.Refer):
        verb.sip("sip:a@b")


def _other_value(name: str) -> object:
    if name == "reason":
        return "busy"
    if name == "play_beep":
        return False
    if name.startswith(("answer_", "hangup_", "action_on")):
        return True
    if name == "method":
        return "BREW"  # without an `action` a right one may change nothing
    return 3


def test_an_empty_document_ends_the_call() -> None:
    assert parse_document(b"  \n") == Document() == read(twiml.VoiceResponse())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><Response><Say>Grüß</Say></Response>'
    assert parse_document(text.encode(encoding)).verbs == (verbs.Say("Grüß"),)


# --- what has no effect -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<Sms>hi</Sms>", "Sms: is not a verb"),
        ("<Start><Stream url='wss://a'/></Start>", "Start: is not a verb"),
        ("hello", "text beside the verbs"),
        ("<Say>a <emphasis>b</emphasis></Say>", "SSML"),
        ("<Say/>", "has no text"),
        ("<Play/>", "neither a URL nor digits"),
        ("<Play digits='x'/>", "on no keypad"),
        ("<Gather input='dtmf speech'/>", "speech is not recognised"),
        ("<Gather input='smoke'/>", 'input="smoke"'),
        ("<Gather><Dial>1</Dial></Gather>", "<Dial> cannot stand in it"),
        ("<Gather finishOnKey='12'/>", "finishOnKey"),
        ("<Gather timeout='long'/>", 'timeout="long" is not valid; it is read as "5"'),
        ("<Pause length='-1'/>", "length"),
        ("<Say loop='5000'>a</Say>", 'is read as "1000"'),
        ("<Dial><Conference>a</Conference></Dial>", "Dial->Conference: is not supported"),
        ("<Dial><Number/></Dial>", "names no target"),
        ("<Dial><Number sendDigits='!'>1</Number></Dial>", "on no keypad"),
        ("<Dial record='true'>1</Dial>", "record has no effect"),
        ("<Dial><Number url='/w'>1</Number></Dial>", "url has no effect"),
        ("<Dial answerOnBridge='maybe'>1</Dial>", 'is read as "false"'),
        ("<Connect/>", "has no <Stream>"),
        ("<Connect><Room>a</Room></Connect>", "<Room> is not supported"),
        ("<Connect><Stream/></Connect>", "has no url"),
        ("<Connect><Stream url='wss://a' track='both_tracks'/></Connect>", "inbound_track"),
        ("<Connect><Stream url='wss://a'/><Stream url='wss://b'/></Connect>", "first <Stream>"),
        ("<Connect><Stream url='wss://a'><Parameter/></Stream></Connect>", "<Parameter>"),
        ("<Refer/>", "exactly one <Sip>"),
        ("<Enqueue/>", "names no queue"),
        ("<Enqueue>a<Task/></Enqueue>", "<Task> has no effect"),
        ("<Redirect method='PUT'>/a</Redirect>", 'method="PUT"'),
        ("<Reject reason='tired'/>", 'reason="tired"'),
    ],
)
def test_it_is_remarked_on_and_the_rest_is_carried_out(inside: str, words: str) -> None:
    document = response(f"{inside}<Hangup/>")
    assert [remark.text for remark in document.remarks if words in remark.text]
    assert document.verbs[-1] == verbs.Hangup()


def test_speech_alone_is_nothing_to_wait_for() -> None:
    assert response("<Gather input='speech'/>").verbs == (verbs.Gather(takes_keys=False),)
    assert response("<Gather input='speech dtmf' timeout='auto'/>").verbs == (verbs.Gather(),)


def test_no_key_finishes() -> None:
    assert response("<Gather finishOnKey=''/>").verbs == (verbs.Gather(finish_on_key=""),)


def test_dial_without_a_target_that_can_be_called() -> None:
    """It is carried out as one that fails: its action learns it."""
    document = response("<Dial action='/a'><Conference>x</Conference></Dial>")
    assert document.verbs == (verbs.Dial((), Action("/a")),)


def test_for_ever_has_an_end() -> None:
    assert response("<Say loop='0'>a</Say>").verbs == (verbs.Say("a", loop=verbs.MOST_LOOPS),)


# --- what nobody vouches for ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<Response><Say>a</Response>", "not well formed"),
        (b"Hello", "not well formed"),
        (b"\xff\xfe\x00", "not well formed"),
        (b"<html/>", "is a <html>, and no <Response>"),
        (b'<?xml version="1.0" encoding="nonsense"?><Response/>', "encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><Response/>', "encoding"),
        (b"<!DOCTYPE Response><Response/>", "document type"),
        (
            b'<!DOCTYPE R [<!ENTITY a SYSTEM "file:///etc/passwd">]><Response>&a;</Response>',
            "document type",
        ),
        (b"<Response>" + b" " * xml.MOST_BYTES + b"</Response>", "longer than"),
        (b"<Response>" + b"<a>" * 8 + b"</a>" * 8 + b"</Response>", "deeper than"),
        (b"<Response>" + b"<Hangup/>" * xml.MOST_ELEMENTS + b"</Response>", "more than"),
    ],
)
def test_it_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(TwimlError, match=words) as caught:
        parse_document(body)
    assert caught.value.code == 12_100


def test_entities_do_not_grow() -> None:
    lines = ['<!ENTITY a "aaaaaaaaaa">']
    lines += [
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    bomb = f"<!DOCTYPE R [{''.join(lines)}]><Response><Say>&i;</Say></Response>"
    tracemalloc.start()
    with pytest.raises(TwimlError, match="document type"):
        read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_bounds() -> None:
    document = response("<Hangup/>" * (MOST_VERBS + 1))
    assert len(document.verbs) == MOST_VERBS
    assert "not read" in document.remarks[-1].text
    dial = response("<Dial>" + "<Number>1</Number>" * (MOST_TARGETS + 1) + "</Dial>")
    assert isinstance(dial.verbs[0], verbs.Dial)
    assert len(dial.verbs[0].targets) == MOST_TARGETS
    assert "are not called" in dial.remarks[0].text
    say = response(f"<Say>{'a' * (LONGEST_TEXT + 1)}</Say>")
    assert say.verbs == (verbs.Say("a" * LONGEST_TEXT),)
    assert "cut off" in say.remarks[0].text
    many = "".join(f"<Parameter name='{i}' value='a'/>" for i in range(MOST_PARAMETERS + 1))
    stream = response(f"<Connect><Stream url='wss://a'>{many}</Stream></Connect>")
    assert isinstance(stream.verbs[0], verbs.Connect)
    assert len(stream.verbs[0].stream.parameters) == MOST_PARAMETERS
    assert "more than" in stream.remarks[0].text
    long = f"<Parameter name='a' value='{'b' * 500}'/>"
    assert remarks(f"<Connect><Stream url='wss://a'>{long}</Stream></Connect>")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_document_or_an_error(body: bytes) -> None:
    with contextlib.suppress(TwimlError):
        parse_document(body)


_NAMES = (
    "Say Play Pause Gather Dial Number Sip Connect Stream Parameter Refer Record Enqueue Redirect "
    "Hangup Reject Conference x"
)
_ATTRIBUTES = (
    "action method timeout loop length numDigits finishOnKey url digits input track name value "
    "reason timeLimit x"
)


def _element(name: str, attributes: dict[str, str], content: list[str]) -> str:
    written = " ".join(f"{key}='{text}'" for key, text in attributes.items())
    return f"<{name} {written}>{''.join(content)}</{name}>"


_TREES: st.SearchStrategy[str] = st.recursive(
    st.text("ab \n", max_size=5),
    lambda inside: st.builds(
        _element,
        st.sampled_from(_NAMES.split()),
        st.dictionaries(
            st.sampled_from(_ATTRIBUTES.split()),
            st.text("0123456789ax#*-. ", max_size=12),
            max_size=4,
        ),
        st.lists(inside, max_size=3),
    ),
    max_leaves=12,
)


@given(st.lists(_TREES, max_size=4))
def test_whatever_is_well_formed_is_read(trees: list[str]) -> None:
    body = f"<Response>{''.join(trees)}</Response>".encode()
    try:
        xml.parse(body)
    except xml.XmlError:  # nested too deeply
        return
    assert len(parse_document(body).verbs) <= len(trees)
