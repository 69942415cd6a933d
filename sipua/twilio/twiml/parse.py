"""A TwiML document: from the bytes of an answer to verbs, and remarks on what has no effect.

What is not known is skipped, and what is not possible here as well: the rest of the document is
carried out, as the vendor does it. Only a document that is no XML, or no TwiML at all, is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sipua.twilio.twiml import verbs
from sipua.twilio.twiml.attributes import SCHEMA, Attributes
from sipua.twilio.twiml.verbs import (
    MOST_LOOPS,
    Action,
    Document,
    Prompt,
    Remark,
    Stream,
    Verb,
)
from sipua.twilio.twiml.xml import Element, XmlError, parse

INVALID: Final = 12_100
"""The vendor's number for a document that cannot be read."""
LONGEST_TWIML: Final = 4000
"""Of a document that comes as a parameter of REST."""
MOST_VERBS: Final = 200
MOST_REMARKS: Final = 20
LONGEST_TEXT: Final = 4096
"""Of a `<Say>`."""
LONGEST_PARAMETER: Final = 500
"""Name and value of a `<Parameter>`."""
MOST_PARAMETERS: Final = 50
MOST_TARGETS: Final = 10
KEYS: Final = "0123456789*#"
_SENT_KEYS: Final = frozenset("0123456789*#wWABCDabcd")
_LONGEST_PAUSE_S: Final = 86_400
_TRIM: Final = "trim-silence"


class TwimlError(Exception):
    """It cannot be carried out; `code` as the vendor numbers its errors."""

    def __init__(self, text: str, code: int = INVALID) -> None:
        super().__init__(text)
        self.code = code


def parse_document(body: bytes) -> Document:
    """An empty body is an empty document. Raises TwimlError."""
    if not body.strip():
        return Document()
    try:
        root = parse(body)
    except XmlError as error:
        raise TwimlError(f"the document {error}") from None
    if root.name != "Response":
        raise TwimlError(f"the document is a <{root.name[:40]}>, and no <Response>")
    remarks: list[Remark] = []
    if root.text:
        remarks.append(Remark(SCHEMA, "Response: text beside the verbs has no effect"))
    found: list[Verb] = []
    unread_first = ""
    for element in root.children:
        if len(found) >= MOST_VERBS:
            remarks.append(
                Remark(SCHEMA, f"Response: verbs behind the first {MOST_VERBS} are not read")
            )
            break
        if (verb := _verb(element, remarks)) is not None:
            found.append(verb)
        elif element is root.children[0]:
            unread_first = element.name[:40]
    if len(remarks) > MOST_REMARKS:
        more = Remark(SCHEMA, f"Response: and {len(remarks) - MOST_REMARKS} remarks more")
        remarks[MOST_REMARKS:] = [more]
    return Document(tuple(found), unread_first, tuple(remarks))


def _verb(element: Element, remarks: list[Remark]) -> Verb | None:
    read = _VERBS.get(element.name)
    if read is None:
        text = f"{element.name[:40]}: is not a verb that is known here"
        remarks.append(Remark(SCHEMA, text))
        return None
    attributes = Attributes(element.name, element.attributes, remarks)
    verb = read(element, attributes, remarks)
    attributes.rest()
    return verb


def _say(element: Element, has: Attributes, _: list[Remark]) -> verbs.Say | None:
    if element.children:
        has.remark("marks within the text (SSML) have no effect")
    text = element.all_text
    if len(text) > LONGEST_TEXT:
        has.remark(f"its text is cut off behind {LONGEST_TEXT} characters")
    say = verbs.Say(text[:LONGEST_TEXT], has.text("voice"), has.text("language"), _loop(has))
    if not text:
        has.remark("has no text")
        return None
    return say


def _play(element: Element, has: Attributes, _: list[Remark]) -> verbs.Play | None:
    digits, loop = has.text("digits"), _loop(has)
    if digits:
        if set(digits) <= _SENT_KEYS:
            return verbs.Play(digits=digits, loop=loop)
        has.remark("digits has characters that are on no keypad")
        return None
    if not element.text:
        has.remark("has neither a URL nor digits")
        return None
    return verbs.Play(url=element.text, loop=loop)


def _loop(has: Attributes) -> int:
    return has.number("loop", 1, least=0, most=MOST_LOOPS) or MOST_LOOPS


def _pause(_element: Element, has: Attributes, _: list[Remark]) -> verbs.Pause:
    return verbs.Pause(has.number("length", 1, least=0, most=_LONGEST_PAUSE_S))


def _gather(element: Element, has: Attributes, remarks: list[Remark]) -> verbs.Gather:
    wanted = has.text("input", "dtmf").lower().split() or ["dtmf"]
    if "speech" in wanted:
        has.remark("speech is not recognised here: use the agent's own")
    if unknown := set(wanted) - {"dtmf", "speech"}:
        has.remark(f'input="{" ".join(sorted(unknown))[:40]}" is not known')
    prompts: list[Prompt] = []
    for child in element.children:
        if child.name not in _PROMPTS:
            has.remark(f"<{child.name[:40]}> cannot stand in it")
            continue
        prompt = _verb(child, remarks)
        if isinstance(prompt, verbs.Say | verbs.Play | verbs.Pause):
            prompts.append(prompt)
    return verbs.Gather(
        prompts=tuple(prompts),
        action=has.action_or_own(),
        timeout_s=_gather_timeout(has),
        finish_on_key=_finish_on_key(has),
        num_digits=has.optional_number("numDigits", least=1, most=128),
        action_on_empty_result=has.flag("actionOnEmptyResult", default=False),
        takes_keys="dtmf" in wanted,
    )


def _gather_timeout(has: Attributes) -> int:
    """`auto` is for speech alone."""
    if has.peek("timeout") == "auto":
        has.text("timeout")
        return 5
    return has.number("timeout", 5, least=0, most=3600)


def _finish_on_key(has: Attributes) -> str:
    key = has.text("finishOnKey", "#")
    if key and (len(key) > 1 or key not in KEYS):
        has.remark(f'finishOnKey="{key[:20]}" is no key; it is read as "#"')
        return "#"
    return key


def _dial(element: Element, has: Attributes, remarks: list[Remark]) -> verbs.Dial:
    targets: list[verbs.Number | verbs.Sip] = []
    if element.text:
        targets.append(verbs.Number(element.text))
    for child in element.children:
        noun = Attributes(f"Dial->{child.name[:40]}", child.attributes, remarks)
        match child.name:
            case "Number" if child.text:
                targets.append(verbs.Number(child.text, _send_digits(noun)))
            case "Sip" if child.text:
                targets.append(verbs.Sip(child.text))
            case "Conference" | "Queue" | "Client" | "Application" | "WhatsApp" | "Sim":
                noun.remark("is not supported: a <Number> or a <Sip> is")
                continue
            case "Number" | "Sip":
                noun.remark("names no target")
                continue
            case _:
                noun.remark("is not known here")
                continue
        noun.rest()
    if len(targets) > MOST_TARGETS:
        has.remark(f"targets behind the first {MOST_TARGETS} are not called")
    return verbs.Dial(
        targets=tuple(targets[:MOST_TARGETS]),
        action=has.action(),
        timeout_s=has.number("timeout", 30, least=1, most=600),
        time_limit_s=has.number("timeLimit", 14_400, least=1, most=86_400),
        caller_id=has.text("callerId"),
        answer_on_bridge=has.flag("answerOnBridge", default=False),
        hangup_on_star=has.flag("hangupOnStar", default=False),
    )


def _send_digits(noun: Attributes) -> str:
    digits = noun.text("sendDigits")
    if set(digits) <= _SENT_KEYS:
        return digits
    noun.remark("sendDigits has characters that are on no keypad")
    return ""


def _connect(element: Element, has: Attributes, remarks: list[Remark]) -> verbs.Connect | None:
    streams = [child for child in element.children if child.name == "Stream"]
    for child in element.children:
        if child.name != "Stream":
            has.remark(f"<{child.name[:40]}> is not supported: a <Stream> is")
    action = has.action()
    if not streams:
        has.remark("has no <Stream>")
        return None
    if len(streams) > 1:
        has.remark("only its first <Stream> is opened")
    stream = _stream(streams[0], remarks)
    return None if stream is None else verbs.Connect(stream, action)


def _stream(element: Element, remarks: list[Remark]) -> Stream | None:
    has = Attributes("Connect->Stream", element.attributes, remarks)
    if has.choice("track", "inbound_track", ("inbound_track", "outbound_track", "both_tracks")) != (
        "inbound_track"
    ):
        has.remark("only the caller's track is sent (inbound_track)")
    stream = Stream(
        url=has.text("url"),
        name=has.text("name"),
        parameters=_parameters(element, has),
        status_callback=has.status_callback(),
    )
    has.rest()
    if not stream.url:
        has.remark("has no url")
        return None
    return stream


def _parameters(element: Element, has: Attributes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for child in element.children:
        name, value = child.attributes.get("name", ""), child.attributes.get("value", "")
        if child.name != "Parameter":
            has.remark(f"<{child.name[:40]}> is not known here")
        elif not name or len(name) + len(value) > LONGEST_PARAMETER:
            has.remark(f"a <Parameter> has no name, or more than {LONGEST_PARAMETER} characters")
        elif len(found) >= MOST_PARAMETERS:
            has.remark(f"it has more than {MOST_PARAMETERS} <Parameter>s")
            break
        else:
            found[name] = value
    return found


def _refer(element: Element, has: Attributes, _: list[Remark]) -> verbs.Refer | None:
    targets = [child.text for child in element.children if child.name == "Sip" and child.text]
    action = has.action()
    if len(targets) != 1:
        has.remark("needs exactly one <Sip>")
        return None
    return verbs.Refer(targets[0], action)


def _record(_element: Element, has: Attributes, _: list[Remark]) -> verbs.Record:
    return verbs.Record(
        action=has.action_or_own(),
        timeout_s=has.number("timeout", 5, least=1, most=3600),
        max_length_s=has.number("maxLength", 3600, least=1, most=14_400),
        finish_on_key=has.text("finishOnKey", "1234567890*#"),
        play_beep=has.flag("playBeep", default=True),
        trim=has.choice("trim", _TRIM, (_TRIM, "do-not-trim")) == _TRIM,
        status_callback=has.status_callback("recordingStatusCallback"),
    )


def _enqueue(element: Element, has: Attributes, _: list[Remark]) -> verbs.Enqueue | None:
    action = has.action()
    if element.children:
        has.remark(f"<{element.children[0].name[:40]}> has no effect here")
    if not element.text:
        has.remark("names no queue")
        return None
    return verbs.Enqueue(element.text, action)


def _redirect(element: Element, has: Attributes, _: list[Remark]) -> verbs.Redirect:
    return verbs.Redirect(Action(element.text, has.method()))


def _hangup(_element: Element, _has: Attributes, _: list[Remark]) -> verbs.Hangup:
    return verbs.Hangup()


def _reject(_element: Element, has: Attributes, _: list[Remark]) -> verbs.Reject:
    reason = has.choice("reason", "rejected", ("rejected", "busy"))
    return verbs.Reject("busy" if reason == "busy" else "rejected")


_PROMPTS: Final = frozenset({"Say", "Play", "Pause"})
_VERBS: Final[Mapping[str, Callable[[Element, Attributes, list[Remark]], Verb | None]]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Gather": _gather,
    "Dial": _dial,
    "Connect": _connect,
    "Refer": _refer,
    "Record": _record,
    "Enqueue": _enqueue,
    "Redirect": _redirect,
    "Hangup": _hangup,
    "Reject": _reject,
}
