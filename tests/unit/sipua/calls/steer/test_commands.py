from __future__ import annotations

import msgspec
import pytest

from sipua.calls.steer import commands
from sipua.calls.steer.commands import (
    Command,
    Done,
    HangUp,
    Hold,
    Inject,
    JoinQueue,
    Mute,
    Park,
    Play,
    PressKeys,
    Record,
    RunDocuments,
    Say,
    SetMetadata,
    Supervise,
    SuperviseEnd,
    SuperviseMode,
    Transfer,
    Unpark,
    Whisper,
    fault_of,
    name_of,
)
from sipua.worker.link.coding import encode, of_edge, of_worker
from sipua.worker.link.messages import Steer, Steered

GOOD: tuple[Command, ...] = (
    HangUp(),
    HangUp("the caller shouts", after_speech=True),
    Transfer("sip:100@pbx.example.com"),
    Transfer("+4930123456", wait=True),
    PressKeys("0123456789*#abcd"),
    Hold(True),
    Mute("agent", True),
    Mute("caller", False),
    Say("Ein Kollege übernimmt gleich."),
    Play("sorry", interrupt=True),
    Inject("system", "The caller's order is 17.", respond=True),
    SetMetadata({"order": "17", "gone": ""}),
    Record("pause"),
    Supervise("sip:anna@pbx.example.com"),
    Supervise("201", account="office-pbx", mode="whisper"),
    SuperviseMode("takeover"),
    SuperviseEnd(),
    Park("7"),
    Unpark(),
    Whisper("Offer ten per cent.", respond=True),
    JoinQueue("people"),
    RunDocuments("https://a.example/x", "GET", "https://a.example/y"),
    RunDocuments(text="<Response/>", may_call=("+49",)),
)


@pytest.mark.parametrize("command", GOOD, ids=name_of)
def test_each_crosses_the_link_as_it_is(command: Command) -> None:
    assert fault_of(command) == ""
    message = Steer(7, "c-22222222", command, "ops")
    assert of_edge().decode(encode(message)) == message


def test_an_outcome_crosses_the_link_as_it_is() -> None:
    done = Done("refused", "488 Not Acceptable Here", {"status": 488})
    message = Steered(7, "c-22222222", done)
    assert of_worker().decode(encode(message)) == message
    assert not done.ok
    assert Done("accepted").ok


def test_a_command_has_a_name_in_json() -> None:
    assert msgspec.json.decode(b'{"type":"hold","on":true}', type=Command) == Hold(True)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (HangUp("x" * 201), "`detail` is longer than 200 characters"),
        (Transfer(""), "`target` is neither a SIP URI"),
        (Transfer("sip:1@pbx?Replaces=x"), "`target` is neither"),
        (Transfer("sip:1@pbx>\r\nX: y"), "`target` is neither"),
        (PressKeys(""), "`digits` is empty"),
        (PressKeys("12w"), "'W' is on no keypad"),
        (PressKeys("1" * 33), "`digits` is longer"),
        (Say(""), "`text` is empty"),
        (Say(" \n"), "`text` is empty"),
        (Whisper(" "), "`text` is empty"),
        (Supervise("sip:1@pbx>\r\nX: y"), "`target` is neither"),
        (Say("a" * 4001), "`text` is longer"),
        (Inject("user", "a" * 4001), "`text` is longer"),
        (Inject("user", "half of a pair: \ud83d"), "`text` is no text"),
        (Play(""), "`sound` is empty"),
        (SetMetadata({"": "x"}), "'' is no name"),
        (SetMetadata({"a b": "x"}), "'a b' is no name"),
        (SetMetadata({"a\n": "x"}), "is no name"),
        (SetMetadata({"a": "x" * 513}), "a is longer than 512"),
        (SetMetadata({str(n): "x" for n in range(33)}), "more than 32 values"),
        (SetMetadata({"a": "\udcff"}), "`a` is no text"),
        (SetMetadata({"\udcff": "a"}), "`values` is no text"),
    ],
)
def test_what_is_wrong_is_said(command: Command, said: str) -> None:
    assert said in fault_of(command)


def test_every_command_has_a_name_of_its_own() -> None:
    names = [name_of(command) for command in GOOD]
    assert len(set(names)) == 18
    assert set(commands.Command.__args__) == {type(command) for command in GOOD}  # type: ignore[attr-defined]
