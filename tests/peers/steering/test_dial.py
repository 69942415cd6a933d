"""A call is put through by a second leg: what both sides hear, and how each way of failing ends."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bench.streams.streams import survey
from sipua.calls.steer.commands import PressKeys, Say, Transfer
from support.calls.homer import RTCP, Collector
from support.calls.steered_edge import TOKEN
from support.calls.steered_line import Line, stretch
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.hep_peers import tshark
from support.peers.sipp import Sipp, SippRun
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

CALLER = np.concatenate([audio.speech("short"), audio.silence(2000)])
TARGET = np.concatenate([audio.speech("pbx"), audio.silence(2000)])
QUIET_DBFS = -60
PROMPT_S = 3.0
"""At once, on a machine that may stop for a second or two; what would end it else takes longer."""


def config(**transfer: Any) -> dict[str, Any]:
    return {
        "agent": {"greeting": False},
        "tools": {"transfer": {"mode": "dial", **transfer}},
    }


def whole(name: str, sound: audio.Pcm) -> bool:
    """Whether the sentence is there, in one piece."""
    return audio.is_whole(audio.speech(name), sound)


def get(call: Line, what: str) -> Any:
    url = f"http://{LOOPBACK}:{call.edge._api_port}/v1/calls/{call.call_id}/{what}"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.loads(answer.read())


def target_of(run: SippRun) -> str:
    return f"sip:support@{run.address}"


def at_s(run: SippRun, first_line: str, *, sent: bool) -> float:
    """When SIPp saw its first message of that kind."""
    found = [m.at_s for m in run.messages() if m.sent is sent and first_line in m.first_line]
    assert found, f"no {first_line}"
    return found[0]


def came(run: SippRun, first_line: str) -> bool:
    return any(not m.sent and first_line in m.first_line for m in run.messages())


def test_both_hear_each_other_and_the_agent_has_left(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    media = far_end(1, TARGET, repeat=True)
    run = sipp.start("uas_hang_up", media=media, pause_ms=6000)
    homer = Collector()
    watched = config(settle_s=1) | {
        "capture": {"enabled": True, "directory": tmp_path},
        "hep": {"enabled": True, "host": LOOPBACK, "port": homer.port, "what": ["rtcp"]},
    }
    call = line("uac_call_ended_by_peer", config=watched, caller=CALLER)
    assert call.steer(Transfer(target_of(run), wait=True))["status"] == "done"
    joined = call.edge.wait_event("call.joined")
    assert call.steer(Say("hello"))["status"] == "wrong-state"
    wait_until(lambda: get(call, "stats").get("leg_b"), 5, "how the second leg is")
    assert call.steer(Transfer("sip:x@127.0.0.1"))["status"] == "wrong-state"
    assert call.run.wait(check=False).ok, "the target hangs up, and so do we"
    assert run.wait(check=False).ok, str(run.result())

    ended = call.edge.wait_event("call.ended", call_id=call.call_id)
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "target_hangup")
    messages = get(call, "sip")["messages"]
    invites = [one["first_line"] for one in messages if "INVITE sip:" in one["first_line"]]
    assert len(invites) == 2, "both legs are in the call's ladder"
    (transferred,) = call.told("call.transferred")
    assert transferred["mode"] == "dial"
    assert list(transferred["phases_ms"])[-2:] == ["joined", "settled"]
    (leg,) = call.told("call.leg_ended")
    assert leg["sent"] > 200
    (to_caller,), (to_target,) = call.media.finish(), media.finish()
    talk = stretch(to_caller, joined["ts"], ended["ts"])
    assert whole("pbx", talk)
    assert whole("short", to_target.pcm())
    for stream in (to_caller, to_target):
        assert (stream.lost, len(set(stream.ssrc))) == (0, 1)
    assert call.edge.events(name="call.failed") == []
    # Both legs' packets are in the capture of the call.
    captured = survey(tmp_path / f"{call.call_id}.pcap")
    assert len(captured.streams) == 4
    assert [stream.lost for stream in captured.streams] == [0] * 4
    assert leg["sent"] in {stream.received for stream in captured.streams}
    # So is the SIP of both, from INVITE to the answer to BYE.
    sip_call_ids = {ended["sip_call_id"], call.told("call.leg")[0]["sip_call_id"]}
    assert {one.sip_call_id for one in captured.calls} == sip_call_ids
    fields = ("sip.Call-ID", "sip.Method", "sip.CSeq.method", "sip.Status-Code")
    ports = [call.edge.port, call.run.port, run.port]
    as_sip = [word for port in ports for word in ("-d", f"udp.port=={port},sip")]
    rows = tshark(tmp_path / f"{call.call_id}.pcap", *fields, only="sip", options=tuple(as_sip))
    for sip_call_id in sip_call_ids:
        ladder = [row[1:] for row in rows if row[0] == sip_call_id]
        assert [row[0] for row in ladder if row[0]] == ["INVITE", "ACK", "BYE"]
        assert ladder[-1][1:] == ["BYE", "200"]
    # Their RTCP is told under their names.
    wait_until(
        lambda: len({report.call_id for report in homer.of(RTCP)}) == 2, 10, "both legs' RTCP"
    )
    homer.close()
    assert {report.call_id for report in homer.of(RTCP)} == sip_call_ids


def judge_back(call: Line, cause: str, *, status: int | None = None) -> RtpStream:
    """The caller is still there, and hears the agent."""
    failed = call.edge.wait_event("call.transfer_failed", timeout_s=40)
    assert (failed["cause"], failed["mode"]) == (cause, "dial")
    assert status in (None, failed["status"])
    call.edge.wait_event("turn.agent", timeout_s=20)
    stream = call.end()
    back = stretch(stream, failed["ts"], None)
    assert audio.level_dbfs(back[: 2 * 8000]) > QUIET_DBFS, "the agent tells it"
    return stream


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ("486 Busy Here", "busy"),
        ("603 Decline", "rejected"),
        ("404 Not Found", "unreachable"),
        ("480 Temporarily Unavailable", "no_answer"),
    ],
)
def test_T1_a_target_that_refuses(
    line: Callable[..., Line], sipp: Sipp, answer: str, cause: str
) -> None:
    run = sipp.start("uas_reject", STATUS=answer)
    call = line("uac_call_ended_by_peer", config=config())
    done = call.steer(Transfer(target_of(run), wait=True))
    assert done["status"] == "failed"  # as the API has it
    judge_back(call, cause, status=int(answer[:3]))
    assert call.told("call.leg")[0]["leg"] == "b"


def test_T1_a_target_that_does_not_answer_and_what_the_caller_hears(
    line: Callable[..., Line], sipp: Sipp
) -> None:
    run = sipp.start("uas_ring")
    call = line("uac_call_ended_by_peer", config=config(ring_timeout_s=2))
    began = call.steer(Transfer(target_of(run)))
    stream = judge_back(call, "no_answer", status=408)
    assert run.wait(check=False).ok, "it gets a CANCEL"
    waits = stretch(stream, began["ts"], call.told("call.transfer_failed")[0]["ts"])
    assert audio.level_dbfs(waits) > QUIET_DBFS, "the hold sound"


def test_T1_nothing_listens_there(line: Callable[..., Line]) -> None:
    block = PortBlock()
    port = block.port()
    call = line("uac_call_ended_by_peer", config=config())
    call.steer(Transfer(f"sip:support@{LOOPBACK}:{port}"))
    judge_back(call, "unreachable")
    block.close()


def test_T1_a_target_that_hangs_up_at_once(line: Callable[..., Line], sipp: Sipp) -> None:
    run = sipp.start("uas_hang_up", pause_ms=300)
    call = line("uac_call_ended_by_peer", config=config())
    call.steer(Transfer(target_of(run)))
    judge_back(call, "target_left")
    assert call.told("call.joined")
    assert run.wait(check=False).ok


def test_T2_the_caller_hangs_up_while_it_rings(line: Callable[..., Line], sipp: Sipp) -> None:
    run = sipp.start("uas_ring")
    call = line("uac_call", config=config())
    call.steer(Transfer(target_of(run)))
    assert call.run.wait(check=False).ok
    assert run.wait(check=False).ok, str(run.result())
    late_s = at_s(run, "CANCEL", sent=False) - at_s(call.run, "BYE", sent=True)
    assert 0 <= late_s < PROMPT_S
    ended = call.edge.wait_event("call.ended")
    assert ended["end"]["by"] == "caller"
    assert call.edge.wait_event("call.transfer_failed")["cause"] == "caller_left"


def test_T2_the_caller_hangs_up_after_the_join(line: Callable[..., Line], sipp: Sipp) -> None:
    run = sipp.start("uas_answer", pause_ms=10)
    call = line("uac_call", config=config(settle_s=0.2))
    call.steer(Transfer(target_of(run)))
    assert call.run.wait(check=False).ok
    assert run.wait(check=False).ok, str(run.result())
    late_s = at_s(run, "BYE", sent=False) - at_s(call.run, "BYE", sent=True)
    assert 0 <= late_s < PROMPT_S
    assert call.edge.wait_event("call.transferred")["status"] == 200
    call.edge.wait_event("call.ended")
    assert call.edge.events(name="call.failed") == []


def test_keys_pass_the_joint(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    """Ours go to the caller; audio goes on behind them."""
    media = far_end(1, TARGET, repeat=True)
    run = sipp.start("uas_answer", media=media, pause_ms=10)
    call = line("uac_call_ended_by_peer", config=config(settle_s=0.2))
    assert call.steer(Transfer(target_of(run), wait=True))["status"] == "done"
    assert call.steer(PressKeys("4"))["status"] == "accepted"
    time.sleep(1.5 + 2 * len(TARGET) / 8000)
    stream = call.end()
    events = [payload[0] for payload in stream.payloads if len(payload) == 4]
    assert set(events) == {4}
    assert run.wait(check=False).ok, "we hang up on both sides"
    assert whole("pbx", stream.pcm())


def test_a_peer_that_takes_no_REFER_is_joined(line: Callable[..., Line], sipp: Sipp) -> None:
    run = sipp.start("uas_answer", pause_ms=10)
    call = line(
        "uac_does_not_transfer",
        config=config(mode="auto", settle_s=0.2),
        ANSWER="405 Method Not Allowed",
    )
    call.steer(Transfer(target_of(run)))
    assert run.wait(check=False).ok, str(run.result())
    assert [one["mode"] for one in call.told("call.transfer")] == ["refer", "dial"]
    assert call.edge.wait_event("call.transferred")["mode"] == "dial"
