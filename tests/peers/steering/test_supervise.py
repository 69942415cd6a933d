"""A person listens in to a call: who hears whom, as tones of different frequency, at every end."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.calls.steer.commands import (
    Mode,
    Park,
    Supervise,
    SuperviseEnd,
    SuperviseMode,
    Transfer,
    Whisper,
)
from sipua.rtp.pcap.writer import read
from support.calls.steered_line import Line, stretch
from support.media import audio
from support.media.audio import Pcm
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp, SippRun

pytestmark = [pytest.mark.peer, pytest.mark.sound]

HZ = {"caller": 500, "agent": 800, "supervisor": 1250}
CONFIG: dict[str, Any] = {
    "agent": {"greeting": False},
    "tools": {"transfer": {"mode": "dial", "settle_s": 0.2}},
}
WINDOW_S = 1.0


def tone(who: str) -> Pcm:
    return audio.tone(HZ[who], 2000)


def heard(sound: Pcm) -> set[str]:
    """Whose tone is in the middle of it."""
    middle = sound[len(sound) // 4 : -len(sound) // 4]
    assert len(middle) > 2000, "enough to tell"
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) / len(middle)
    places = {who: round(hz * len(middle) / 8000) for who, hz in HZ.items()}
    return {who for who, at in places.items() if spectrum[at - 2 : at + 3].max() > 300}


def uri(run: SippRun) -> str:
    return f"sip:anna@{run.address}"


def test_who_hears_whom_in_each_mode(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    """The agent's place has the target of a transfer: so the sound of all three can be judged."""
    agent_media = far_end(1, tone("agent"), repeat=True)
    agent = sipp.start("uas_answer", media=agent_media, pause_ms=10)
    call = line("uac_call_ended_by_peer", config=CONFIG, caller=tone("caller"))
    assert call.steer(Transfer(uri(agent), wait=True))["status"] == "done"
    media = far_end(1, tone("supervisor"), repeat=True)
    run = sipp.start("uas_answer", media=media, pause_ms=10)
    assert call.steer(Supervise(uri(run)))["status"] == "accepted"
    moments = {"listen": call.edge.wait_event("call.supervised")["ts"]}
    assert call.steer(Supervise(uri(run)))["status"] == "wrong-state", "one at a time"
    modes: tuple[Mode, ...] = ("whisper", "barge", "takeover")
    for mode in modes:
        time.sleep(WINDOW_S)
        assert call.steer(SuperviseMode(mode))["status"] == "done"
        moments[mode] = call.told("call.supervisor_mode")[-1]["ts"]
    time.sleep(WINDOW_S)
    assert agent.wait(check=False).ok, "whose place is taken gets a BYE"
    over = datetime.now(UTC).isoformat()
    to_caller = call.end()  # without a loss, and under one SSRC
    assert run.wait(check=False).ok, "it gets a BYE"
    left = call.edge.wait_event("call.supervisor_left")
    assert (left["cause"], left["mode"], left["lost"]) == ("call_ended", "takeover", 0)
    (to_agent,), (to_supervisor,) = agent_media.finish(), media.finish()
    streams = {"caller": to_caller, "agent": to_agent, "supervisor": to_supervisor}
    ends = [*list(moments.values())[1:], over]
    matrix = {
        mode: {
            who: heard(stretch(stream, begin, end))
            for who, stream in streams.items()
            if (mode, who) != ("takeover", "agent")  # it has left
        }
        for (mode, begin), end in zip(moments.items(), ends, strict=True)
    }
    both = {"caller", "agent"}
    assert matrix == {
        "listen": {"caller": {"agent"}, "agent": {"caller"}, "supervisor": both},
        "whisper": {"caller": {"agent"}, "agent": {"caller", "supervisor"}, "supervisor": both},
        "barge": {
            "caller": {"agent", "supervisor"},
            "agent": {"caller", "supervisor"},
            "supervisor": both,
        },
        "takeover": {"caller": {"supervisor"}, "supervisor": {"caller"}},
    }
    assert (to_supervisor.lost, len(set(to_supervisor.ssrc))) == (0, 1)


def test_a_takeover_and_an_order_by_text(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    config = {
        **CONFIG,
        "routes": [{"name": "front", "called": ["agent"], "queue": "slots"}],
        "queues": [{"name": "slots", "max_calls": 1}],
    }
    call = line("uac_call_ended_by_peer", config=config, caller=tone("caller"))
    assert call.steer(Whisper("Offer ten per cent."))["status"] == "done"
    media = far_end(1, tone("supervisor"), repeat=True)
    run = sipp.start("uas_hang_up", media=media, pause_ms=3000)
    assert call.steer(Supervise(uri(run), mode="listen"))["status"] == "accepted"
    call.edge.wait_event("call.supervised")
    assert call.steer(SuperviseMode("takeover"))["status"] == "done"
    taken = call.told("call.supervisor_mode")[-1]
    (slots,) = call.edge.get("/v1/queues")["queues"]
    assert slots["serving"] == 0, "the agent's slot is another caller's from now on"
    assert call.edge.get(f"/v1/calls/{call.call_id}")["supervisor"]["mode"] == "takeover"
    assert call.steer(Transfer(uri(run)))["status"] == "wrong-state"
    assert run.wait(check=False).ok, "the supervisor hangs up"
    ended = call.edge.wait_event("call.ended", call_id=call.call_id)
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "target_hangup")
    assert call.run.wait(check=False).ok, "and the caller gets a BYE"
    (to_caller,), (to_supervisor,) = call.media.finish(), media.finish()
    assert heard(stretch(to_caller, taken["ts"], ended["ts"])) == {"supervisor"}
    assert heard(stretch(to_supervisor, taken["ts"], ended["ts"])) == {"caller"}
    assert (to_caller.lost, len(set(to_caller.ssrc))) == (0, 1)
    assert [one["act"] for one in call.told("call.steered")][:2] == ["whisper", "supervise"]
    assert call.edge.events(name="call.failed") == []


def test_a_supervisor_who_does_not_come_is_none_of_the_callers_business(
    line: Callable[..., Line], sipp: Sipp
) -> None:
    run = sipp.start("uas_reject", STATUS="486 Busy Here")
    call = line("uac_call_ended_by_peer", config=CONFIG)
    assert call.steer(Supervise(uri(run)))["status"] == "accepted"
    failed = call.edge.wait_event("call.supervisor_failed")
    assert (failed["status"], failed["by"]) == (486, "test")
    assert call.steer(Supervise("sip:anna@192.0.2.1"))["status"] == "not-allowed-to-call"
    call.end()


def test_a_supervisor_dials_in(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    """From an account that may; the code is followed by the number that was called. The capture of
    the call has the supervisor's SIP."""
    config = {
        **CONFIG,
        "capture": {"enabled": True, "directory": tmp_path},
        "trunks": [{"name": "office", "hosts": ["127.0.0.1"]}],
        "supervise": {"prefix": "*55", "accounts": ["office"], "callers": ["anna"]},
    }
    call = line("uac_call_ended_by_peer", config=config, caller=tone("caller"))
    address = call.edge.address
    nobody = sipp.run("uac_rejected", address, service="*55100", STATUS="404", FROM="anna")
    assert nobody.ok, str(nobody)
    forbidden = sipp.run("uac_rejected", address, service="*55agent", STATUS="403", FROM="eve")
    assert forbidden.ok, str(forbidden)
    assert call.edge.wait_event("call.rejected", count=2)["rule"] == "supervise.callers"
    media = far_end(1, tone("supervisor"), repeat=True)
    run = sipp.start(
        "uac_call_ended_by_peer", address, media=media, service="*55agent", FROM="anna"
    )
    heard_by = call.edge.wait_event("call.supervised")
    assert (heard_by["call_id"], heard_by["by"]) == (call.call_id, "dialled")
    assert len(call.edge.events(name="call.incoming")) == 1, "it is no call of its own"
    time.sleep(WINDOW_S)
    over = call.steer(SuperviseEnd())
    assert run.wait(check=False).ok, str(run.result())
    (to_supervisor,) = media.finish()
    assert "caller" in heard(stretch(to_supervisor, heard_by["ts"], over["ts"]))
    call.end()
    sip = [one.payload for one in read(tmp_path / f"{call.call_id}.pcap")]
    (invite,) = [one for one in sip if one.startswith(b"INVITE sip:*55agent@")]
    call_id = invite.partition(b"\r\nCall-ID: ")[2].partition(b"\r\n")[0]
    assert [one.split(b" ")[0] for one in sip if call_id in one][-2:] == [b"BYE", b"SIP/2.0"]


def test_a_parked_call_is_fetched_by_dialling_its_slot(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    config = {
        **CONFIG,
        "trunks": [{"name": "office", "hosts": ["127.0.0.1"]}],
        "park": {"prefix": "*56", "accounts": ["office"]},
    }
    call = line("uac_call_ended_by_peer", config=config, caller=tone("caller"))
    address = call.edge.address
    assert call.steer(Park())["values"] == {"slot": "1"}
    parked = call.told("call.parked")[0]
    empty = sipp.run("uac_rejected", address, service="*562", STATUS="404")
    assert empty.ok, str(empty)
    time.sleep(WINDOW_S)
    media = far_end(1, tone("supervisor"), repeat=True)
    run = sipp.start("uac_call_ended_by_peer", address, media=media, service="*561")
    fetched = call.edge.wait_event("call.unparked")
    assert fetched["how"] == "retrieved"
    time.sleep(WINDOW_S)
    over = call.edge.events(name="call.unparked")[-1]["ts"]
    stream = call.end()
    assert run.wait(check=False).ok, "we hang up on both"
    (to_supervisor,) = media.finish()
    waited = stretch(stream, parked["ts"], fetched["ts"])
    assert audio.level_dbfs(waited) > -60, "our hold sound"
    assert heard(stretch(stream, over, None)) == {"supervisor"}
    assert heard(stretch(to_supervisor, over, None)) == {"caller"}
