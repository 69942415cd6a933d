"""Menus with real peers: SIPp signals, its far end hears; Asterisk presses keys of each kind."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.codecs import dtmf
from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import Asterisk
from support.peers.pbx import GREETING, heard
from support.peers.sipp import Sipp
from support.process import wait_until

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

MENU = audio.speech("pbx")
CONFIGS = Path(__file__).parents[3] / "configs"
TARGET = "sip:201@192.0.2.10"
QUIET = np.zeros(1600, np.int16)


def sound(home: Path, name: str, pcm: audio.Pcm) -> str:
    path = home / f"{name}.wav"
    audio.write_wav(path, pcm, rate_hz=8000)
    return str(path)


def menu(home: Path, **keys: Any) -> dict[str, Any]:
    return {
        "name": "main",
        "prompt": sound(home, "main", MENU),
        "no_input_s": 1.0,
        "retries": 1,
        "keys": {
            "1": {"agent": "sales"},
            "2": {"transfer": TARGET},
            "3": {"menu": "other"},
            "*": {"hang_up": True},
        },
        **keys,
    }


def edge_with_menu(edge_factory: Edges, home: Path, **keys: Any) -> Edge:
    other = menu(home, name="other", prompt=sound(home, "other", MENU[:8000]))
    other["keys"] = {"1": {"route": "front"}}
    return edge_factory(
        {
            "routes": [
                {"name": "front", "called": ["agent"], "menu": "main"},
                {"name": "sales", "called": ["sales"]},
            ],
            "menus": [menu(home, **keys), other],
        }
    )


def lefts(edge: Edge) -> list[tuple[str, str, str | None]]:
    return [
        (event["menu"], event["by"], event.get("to")) for event in edge.events(name="menu.left")
    ]


def test_a_key_leads_to_the_agent_and_no_engine_is_asked_before(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    edge = edge_with_menu(edge_factory, tmp_path)
    media = far_end(1, QUIET)
    sipp.run("uac_key", edge.address, media=media, AFTER="1500", BODY="Signal=1", pause_ms=6000)
    (stream,) = media.finish()
    began_ms = heard(GREETING, stream.pcm())
    assert heard(MENU[:8000], stream.pcm()[: int(began_ms * 8)]) < 1000, "the menu, first and cut"
    assert lefts(edge) == [("main", "key", "agent sales")]
    names = [event["event"] for event in edge.events()]
    assert names.index("engine.in_use") > names.index("menu.key") > names.index("call.confirmed")
    (key,) = edge.events(name="menu.key")
    assert (key["menu"], key["digit"], key["valid"]) == ("main", "1", True)
    (digit,) = edge.events(name="call.dtmf")
    assert (digit["digit"], digit["way"]) == ("?", "info"), "masked, as every key"
    ended = edge.wait_event("call.ended")
    assert (ended["status"], ended["end"]["by"]) == ("completed", "caller")
    (row,) = rows(tmp_path)
    assert [(step["menu"], step["key"], step["to"]) for step in row["menus"]] == [
        ("main", "1", "agent sales")
    ]
    assert row["digits"] == 1
    waited_ms = row["conversation"]["first_word_ms"]
    assert waited_ms < 1400, "counted from the key, which came 1.5 s behind the answer"


def rows(home: Path) -> list[dict[str, Any]]:
    def written() -> list[str]:
        files = [file for folder in home.rglob("cdr") for file in folder.rglob("*.jsonl")]
        return [line for file in files for line in file.read_text().splitlines(keepends=True)]

    lines = wait_until(written, 20, "a row")
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_a_key_silences_the_prompt_at_once(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    """Judged by the wire: the last packet of the prompt against the INFO."""
    loud = sound(tmp_path, "loud", audio.tone(800, 20_000))
    other = menu(tmp_path, name="other", prompt=sound(tmp_path, "quiet", audio.silence(5000)))
    edge = edge_factory(
        {
            "routes": [{"name": "front", "called": ["agent"], "menu": "main"}, {"name": "sales"}],
            "menus": [menu(tmp_path, prompt=loud), other],
        }
    )
    media = far_end(1, QUIET)
    result = sipp.run("uac_key", edge.address, media=media, BODY="Signal=3", pause_ms=1500)
    (stream,) = media.finish()
    (info,) = [m for m in result.messages if m.sent and m.first_line.startswith("INFO")]
    began = time.localtime(stream.started_at_s)  # SIPp tells the time of the day
    began_s = began.tm_hour * 3600 + began.tm_min * 60 + began.tm_sec + stream.started_at_s % 1
    pressed_ms = (info.at_s - began_s) * 1000
    loud_ms = [
        at
        for at, payload in zip(stream.arrival_ms, stream.payloads, strict=True)
        if np.abs(g711.decode(g711.PCMU, payload).astype(np.int32)).max() > 1000
    ]
    assert 400 < pressed_ms < 5000
    assert pressed_ms - 100 < loud_ms[-1] < pressed_ms + 300, "a busy machine is given 300 ms"
    assert stream.arrival_ms[-1] > loud_ms[-1] + 1000, "silence is sent behind it"
    (cut,) = edge.events(name="call.interrupted")
    assert (cut["item_id"].split(":")[:3], cut["by"]) == (["local", "menu", "main"], "caller")


def test_a_key_that_hangs_up(edge_factory: Edges, sipp: Sipp, tmp_path: Path) -> None:
    edge = edge_with_menu(edge_factory, tmp_path)
    sipp.run("uac_key_and_bye", edge.address, BODY="Signal=*")
    assert lefts(edge) == [("main", "key", "hang_up")]
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["reason"], ended["end"]["by"]) == ("menu", "edge")
    assert ended["end"]["detail"] == "menu main: key *"


def test_a_key_leads_to_another_menu_and_a_route_back(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    edge = edge_with_menu(edge_factory, tmp_path, on_no_input={"menu": "other"}, retries=0)
    media = far_end(1, QUIET)
    sipp.run("uac_key", edge.address, media=media, AFTER="900", BODY="Signal=3", pause_ms=2500)
    media.finish()
    edge.wait_event("call.ended")
    assert [event["menu"] for event in edge.events(name="menu.entered")][:2] == ["main", "other"]
    assert edge.events(name="menu.left")[-1]["by"] == "ended"


def test_a_key_leads_to_a_transfer(edge_factory: Edges, sipp: Sipp, tmp_path: Path) -> None:
    edge = edge_with_menu(edge_factory, tmp_path)
    sipp.run("uac_key_is_transferred", edge.address, BODY="Signal=2\n      Duration=160")
    (transferred,) = edge.events(name="call.transferred")
    assert transferred["target"] == TARGET
    ended = edge.wait_event("call.ended")
    assert ended["end"]["reason"] == "transferred"
    assert lefts(edge) == [("main", "key", f"transfer {TARGET}")]
    assert not edge.events(name="engine.in_use"), "it has cost no session"


def test_no_key_ends_the_call_after_the_repeats(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    edge = edge_with_menu(edge_factory, tmp_path, prompt=sound(tmp_path, "short", MENU[:8000]))
    media = far_end(1, QUIET)
    sipp.run("uac_call_ended_by_peer", edge.address, media=media)
    (stream,) = media.finish()
    assert lefts(edge) == [("main", "no_input", "hang_up")]
    assert stream.pcm().size / 8000 >= 3.8, "the prompt twice, and twice the wait"
    assert edge.wait_event("call.ended")["end"]["detail"] == "menu main: no input"


def test_a_wrong_key_too_often_leads_where_the_menu_says(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    bye = sound(tmp_path, "bye", audio.speech("short"))
    edge = edge_with_menu(edge_factory, tmp_path, on_invalid={"prompt": bye}, no_input_s=9)
    media = far_end(1, QUIET)
    sipp.run("uac_key_three_times", edge.address, media=media, BODY="Signal=7")
    (stream,) = media.finish()
    heard(audio.speech("short"), stream.pcm())
    assert lefts(edge) == [("main", "invalid", "hang_up")]
    assert {event["digit"] for event in edge.events(name="menu.key")} == {"?"}


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/dtmf", "1", "200"),
        ("application/dtmf-relay", "Signal=1\n      Duration=200", "200"),
        ("application/dtmf-relay", "Signal=nothing", "400"),
        ("application/media_control+xml", "<media_control/>", "415"),
        ("text/plain", "1", "415"),
    ],
)
def test_INFO_is_answered_as_what_it_is(
    edge_factory: Edges, sipp: Sipp, kind: str, body: str, status: str
) -> None:
    edge = edge_factory({"agent": {"mode": "silence"}, "calls": {"mask_dtmf": False}})
    sipp.run("uac_key", edge.address, TYPE=kind, BODY=body, INFO_STATUS=status, pause_ms=300)
    edge.wait_event("call.ended")
    digits = [(event["digit"], event["way"]) for event in edge.events(name="call.dtmf")]
    assert digits == ([("1", "info")] if status == "200" else [])


def test_without_an_engine_the_fallback_is_a_menu(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    """An outage of the model is a menu and not a busy tone; the menu leads to another model."""
    edge = edge_factory(
        {
            "engine": {"url": "ws://127.0.0.1:1/v1/realtime", "connect_timeout_s": 1.5},
            "engines.other": {"type": "local"},
            "routes": [
                {"name": "front", "called": ["agent"], "fallback": [{"menu": "main"}]},
                {"name": "sales", "called": ["sales"], "engine": "other"},
            ],
            "menus": [menu(tmp_path, keys={"1": {"agent": "sales"}}, no_input_s=5)],
        }
    )
    media = far_end(1, QUIET)
    sipp.run("uac_key", edge.address, media=media, AFTER="1200", BODY="Signal=1", pause_ms=6000)
    (stream,) = media.finish()
    sound_heard = stream.pcm()
    began_ms = heard(GREETING, sound_heard)
    heard(MENU[:6000], sound_heard[: int(began_ms * 8)])
    (fallback,) = edge.events(name="call.fallback")
    assert fallback["step"] == "menu"
    assert [event["engine"] for event in edge.events(name="engine.in_use")] == ["other"]


@pytest.mark.parametrize(("endpoint", "way"), [("trunk", "rfc4733"), ("inband", "inband")])
def test_keys_of_asterisk_in_each_of_its_ways(
    asterisk: Asterisk, edge_factory: Edges, tmp_path: Path, endpoint: str, way: str
) -> None:
    """Extension 610 presses 1 first: it leads to a menu where 2 does, and so on."""
    chain = [
        {
            "name": f"m{n}",
            "prompt": "sorry",
            "keys": {key: {"menu": f"m{n + 1}"}} if n < 4 else {key: {"agent": "sales"}},
        }
        for n, key in enumerate("1234#")
    ]
    edge = edge_factory(
        {
            "agent": {"mode": "silence"},
            "routes": [{"name": "front", "menu": "m0", "called": ["agent"]}, {"name": "sales"}],
            "menus": chain,
        }
    )
    asterisk.originate(f"PJSIP/{endpoint}/{edge.uri}", "610")
    edge.wait_event("call.ended", timeout_s=20)
    assert [event["digit"] for event in edge.events(name="menu.key")] == list("1234#")
    assert {event["way"] for event in edge.events(name="call.dtmf")} == {way}
    assert lefts(edge)[-1] == ("m4", "key", "agent sales")


@pytest.mark.parametrize("tone_first", [True, False])
def test_a_key_that_a_gateway_sends_in_two_ways_counts_once(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path, tone_first: bool
) -> None:
    """A tone in the audio, and INFO; the trunk says that its tones are to be heard."""
    edge = edge_factory(
        {
            "agent": {"mode": "silence"},
            "calls": {"mask_dtmf": False},
            "trunks": [{"name": "gateway", "hosts": ["127.0.0.1"], "dtmf": "inband"}],
        }
    )
    before_ms = 500 if tone_first else 1700
    tones = np.concatenate(
        [audio.silence(before_ms), dtmf.tone("5", 1200), audio.silence(300), dtmf.tone("6", 1200)]
    )
    media = far_end(1, tones)
    sipp.run("uac_key", edge.address, media=media, AFTER="1200", BODY="Signal=5", pause_ms=2000)
    media.finish()
    edge.wait_event("call.ended")
    told = [(event["digit"], event["way"]) for event in edge.events(name="call.dtmf")]
    assert told == [("5", "inband" if tone_first else "info"), ("6", "inband")]


@pytest.mark.parametrize("after_ms", [1, 150, 700, 1200])
def test_a_caller_may_hang_up_at_every_moment(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path, after_ms: int
) -> None:
    """In the prompt, with the key, while the engine connects, in the greeting."""
    edge = edge_with_menu(edge_factory, tmp_path)
    media = far_end(6, QUIET)
    sipp.run("uac_call", edge.address, media=media, calls=3, pause_ms=after_ms)
    sipp.run(
        "uac_key",
        edge.address,
        calls=3,
        AFTER=str(after_ms),
        BODY="Signal=1",
        pause_ms=after_ms // 5 + 1,
    )
    media.finish()
    edge.wait_event("call.ended", count=6)
    assert {event["end"]["by"] for event in edge.events(name="call.ended")} == {"caller"}
    assert {event["by"] for event in edge.events(name="menu.left")} <= {"ended", "key"}
    assert len(edge.events(name="menu.left")) == len(edge.events(name="menu.entered"))
    assert [e for e in edge.events() if e["level"] == "error"] == []


def test_a_draining_edge_ends_a_call_in_a_menu(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    other = menu(tmp_path, no_input_s=60)
    edge = edge_factory(
        {
            "calls": {"drain_s": 1},
            "routes": [{"name": "front", "menu": "main"}, {"name": "sales", "called": ["x"]}],
            "menus": [{**other, "keys": {"1": {"agent": "sales"}}}],
        }
    )
    run = sipp.start("uac_call_ended_by_peer", edge.address)
    edge.wait_event("menu.entered")
    assert edge.stop() == 0
    run.wait()
    assert edge.events(name="menu.left")[-1]["by"] == "ended"
    assert edge.wait_event("call.ended")["end"]["reason"] == "shutdown"


def test_a_call_keeps_its_menu_when_another_configuration_comes(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    def config(action: dict[str, str]) -> dict[str, Any]:
        return {
            "api": api_config(),
            "routes": [{"name": "front", "called": ["agent"], "menu": "main"}, {"name": "sales"}],
            "menus": [menu(tmp_path, no_input_s=30, keys={"1": action})],
        }

    edge = edge_factory(config({"agent": "sales"}))
    api = Api(edge)
    run = sipp.start("uac_key", edge.address, AFTER="6000", BODY="Signal=1", pause_ms=500)
    edge.wait_event("menu.entered")
    edge.write(config({"transfer": TARGET}))
    reply = api.ask("POST", "/v1/config/reload", {"check": False})
    assert reply.status == 200, reply.body
    changed = [change["key"] for change in reply.json["plan"]["for_new_calls"]]
    assert set(changed) == {"menus[main].keys.1.agent", "menus[main].keys.1.transfer"}
    assert not edge.events(name="menu.key"), "the reload came before the key"
    run.wait()
    assert lefts(edge) == [("main", "key", "agent sales")]


def test_the_menu_of_the_documented_configuration_is_spoken(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    edge = edge_factory(file=CONFIGS / "front-menu.toml")
    media = far_end(1, QUIET)
    sipp.run(
        "uac_key",
        edge.address,
        media=media,
        service="100",
        AFTER="3000",
        BODY="Signal=2",
        pause_ms=2500,
    )
    (stream,) = media.finish()
    said = stream.pcm()
    assert audio.level_dbfs(said[8000:20_000]) > -35, "the text of the first menu"
    assert audio.level_dbfs(said[-12_000:]) > -35, "and of the second"
    assert [event["menu"] for event in edge.events(name="menu.entered")] == ["main", "language"]
