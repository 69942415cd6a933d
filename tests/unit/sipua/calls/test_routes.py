"""The first route that fits takes the call; what it leaves out comes from elsewhere."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sipua.calls import routes
from sipua.calls.profile import Prompt, Refuse, TransferTo
from sipua.calls.routes import Asked, addresses, resolve
from sipua.config import Config


def config(*entries: dict[str, Any], **sections: Any) -> Config:
    return Config.model_validate({"routes": entries, **sections})


def call(called: str = "sip:100@edge", caller: str = "sip:bob@pbx", origin: str = "pbx") -> Asked:
    return Asked((called,), caller, origin)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Bob" <sip:bob@PBX.example:5060;transport=tcp>;tag=1', ["bob", "bob@pbx.example"]),
        ("sip:+4930123;phone-context=x@pbx;user=phone", ["+4930123", "+4930123@pbx"]),
        ("sips:bob:secret@pbx?Subject=x", ["bob", "bob@pbx"]),
        ("<tel:+4930123;isub=1>", ["+4930123"]),
        ("sip:pbx.example", [""]),
        ("100", ["100"]),
        ("", [""]),
    ],
)
def test_who_is_meant(text: str, expected: list[str]) -> None:
    assert addresses(text) == expected


@pytest.mark.parametrize(
    ("route", "asked", "fits"),
    [
        ({}, call(), True),
        ({"called": ["100"]}, call(), True),
        ({"called": ["10"]}, call(), False),
        ({"called": ["2*", "1?0"]}, call(), True),
        ({"called": ["100@edge"]}, call(), True),
        ({"called": ["100@other"]}, call(), False),
        ({"called": ["+4930*"]}, call("sip:+493012@edge"), True),
        ({"called": ["*"]}, call("sip:edge"), True),
        ({"caller": ["bob@*.example"]}, call(caller="<sip:bob@pbx.example>"), True),
        ({"caller": ["anonymous"]}, call(caller='"A" <sip:anonymous@anonymous.invalid>'), True),
        ({"origin": ["carrier-*"]}, call(origin="carrier-2"), True),
        ({"origin": ["carrier-*"]}, call(), False),
        ({"called": ["100"], "caller": ["eve"]}, call(), False),
    ],
)
def test_what_fits(route: dict[str, Any], asked: Asked, fits: bool) -> None:
    (section,) = config({"name": "r", **route}).routes
    assert routes.fits(section, asked) is fits


def test_behind_a_registrar_the_dialled_number_may_stand_in_the_to_header_only() -> None:
    sections = config({"name": "r", "called": ["+49301"]})
    asked = Asked(("sip:account@10.0.0.1:5060", "<sip:+49301@provider>"), "sip:bob@x", "provider")
    assert resolve(sections, asked).route == "r"


def test_the_first_one_wins_and_without_any_the_sections_stand_as_they_are() -> None:
    sections = config(
        {"name": "first", "called": ["1*"], "voice": "ash"},
        {"name": "second", "called": ["100", "200"], "greeting": ""},
        engine={"voice": "cedar", "greeting": "Say hello."},
        calls={"answer": "greeting"},
    )
    first, second = resolve(sections, call()), resolve(sections, call("sip:200@edge"))
    none = resolve(sections, call("sip:300@edge"))
    assert (first.route, second.route, none.route) == ("first", "second", "")
    assert [p.engines[0].section.voice for p in (first, second, none)] == ["ash", "cedar", "cedar"]
    assert [p.greeting for p in (first, second, none)] == ["Say hello.", "", "Say hello."]
    assert {p.answer for p in (first, second, none)} == {"greeting"}
    assert [p.tools for p in (first, second, none)] == [None] * 3


def test_who_the_agent_is_does_not_change_with_the_engine() -> None:
    sections = config(
        {"name": "r", "engine": "fast", "model": "m", "tools": [], "answer": "at_once"},
        engine={"instructions": "You sell shoes.", "model": "main"},
        engines={
            "fast": {"greeting": "Be quick.", "failure_status": 480},
            "backup": {"model": "spare", "instructions": "You are nobody."},
        },
        calls={"fallback": [{"engine": "backup"}, {"engine": "engine"}, {"status": 500}]},
    )
    profile = resolve(sections, call())
    assert [engine.name for engine in profile.engines] == ["fast", "backup", "local"]
    assert [engine.section.model for engine in profile.engines] == ["m", "spare", "main"]
    assert profile.instructions == "You sell shoes."
    assert profile.greeting == "Be quick."
    assert (profile.tools, profile.answer, profile.failure_status) == ((), "at_once", 480)
    assert profile.steps == (Refuse(500),)


def test_steps_are_the_routes_or_else_those_of_all_calls() -> None:
    sections = config(
        {"name": "own", "called": ["1"], "fallback": [{"prompt": "/a.wav"}, {"prompt": "sorry"}]},
        {"name": "none", "called": ["2"], "fallback": []},
        {"name": "left-out", "called": ["3"]},
        calls={"fallback": [{"transfer": "sip:1@pbx"}]},
    )
    steps = [resolve(sections, call(f"sip:{number}@edge")).steps for number in "123"]
    assert steps == [(Prompt(Path("/a.wav")), Prompt()), (), (TransferTo("sip:1@pbx"),)]


def test_S23_which_engines_a_call_that_comes_in_may_end_in() -> None:
    engines = {name: {"type": "openai_realtime"} for name in ("a", "b", "unused")}
    one: dict[str, Any] = {"name": "one", "called": ["1"], "engine": "a"}
    every: dict[str, Any] = {"name": "every", "engine": "b"}
    assert routes.engine_names(config()) == {"local"}
    assert routes.engine_names(config(one, engines=engines)) == {"a", "local"}
    assert routes.engine_names(config(one, every, engines=engines)) == {"a", "b"}
    assert routes.engine_names(config(every, one, engines=engines)) == {"b"}
    backup = {**every, "fallback": [{"engine": "a"}]}
    assert routes.engine_names(config(backup, engines=engines)) == {"a", "b"}


# --- hours ------------------------------------------------------------------------------------

HOURS = {"office": {"zone": "Europe/Berlin", "open": ["Mo-Fr 08:00-18:00"]}}
MONDAY, SUNDAY = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (30, 29))


def test_a_closed_route_passes_its_calls_on() -> None:
    both = config({"name": "day", "when": "office"}, {"name": "night"}, hours=HOURS)
    assert resolve(both, call(), MONDAY).route == "day"
    assert resolve(both, call(), SUNDAY).route == "night"
    assert resolve(both, call()).route == "day", "one that we place has no hours"
    assert routes.incoming(both) == ["day", "night"]


def test_a_closed_route_that_says_what_then_keeps_them() -> None:
    day = {"name": "day", "when": "office", "closed": {"hang_up": True}}
    both = config(day, {"name": "night"}, hours=HOURS)
    assert resolve(both, call(), SUNDAY).route == "day"
    assert routes.incoming(both) == ["day"]
