"""Messages that callers leave (`<Record>`): SIPp and an RTP far end speak, an agent's web server is
told, Twilio's client and urllib fetch what was said."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
from twilio.twiml.voice_response import VoiceResponse

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.bridge.playout import sounds
from support.calls.api import TOKENS, api_config
from support.calls.edge import Edge
from support.calls.hook_server import Behaviour, answer
from support.calls.twilio_client import ACCOUNT, twilio_client
from support.engine.voice_server import VoiceServer
from support.footprint import nothing_kept, settled
from support.media import audio
from support.media.audio import Pcm
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until
from support.signalling import offers

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]
Parameters = Mapping[str, str]

SAID = audio.speech("caller")
SOUND = audio.GREETING.read_bytes()
GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
BEFORE_MS = 3000
"""The beep is over by then."""
SAID_BY_MS = BEFORE_MS + len(SAID) // 8 + 1500


@dataclass
class Place:
    directory: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def config(self, server: VoiceServer, **more: Any) -> dict[str, Any]:
        twilio = {
            **server.config,
            "account_sid": ACCOUNT,
            "recordings": str(self.directory),
            "api_url": self.url,
        }
        api = {**api_config(), "port": self.port}
        route = {"name": "led", "voice_url": server.url("/voice")}
        return {"twilio": twilio, "api": api, "routes": [route], **more}

    def fetched(self, url: str, tmp_path: Path) -> Pcm:
        """As an agent's server does."""
        credentials = base64.b64encode(f"{ACCOUNT}:{TOKENS['operator']}".encode()).decode()
        request = Request(url, headers={"Authorization": f"Basic {credentials}"})
        file = tmp_path / "fetched.wav"
        with urlopen(request, timeout=20) as reply:
            file.write_bytes(reply.read())
        return audio.read_wav(file, rate_hz=audio.PHONE_RATE_HZ)

    def files(self) -> list[str]:
        return sorted(path.suffix for path in self.directory.rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    ports = PortBlock()
    yield Place(tmp_path / "messages", ports.port())
    ports.close()


def document(*verbs: Callable[[VoiceResponse], object]) -> Callable[[Parameters], VoiceResponse]:
    page = VoiceResponse()
    for verb in verbs:
        verb(page)
    return lambda _: page


def records(**attributes: Any) -> Callable[[VoiceResponse], object]:
    attributes = {"action": "/done", "recording_status_callback": "/told", **attributes}
    return lambda page: page.record(**attributes)


def plays(page: VoiceResponse) -> None:
    page.play("/sound.wav")


def waits(page: VoiceResponse) -> None:
    page.pause(length=100)


hangs_up = document(VoiceResponse.hangup)


def nothing(_: Parameters) -> Behaviour:
    return answer(200, b"")


def sound(_: Parameters) -> Behaviour:
    return answer(200, SOUND, Content_Type="audio/wav")


def pages(*verbs: Callable[[VoiceResponse], object], **more: Any) -> dict[str, Any]:
    usual = {"/voice": document(*verbs), "/done": hangs_up, "/told": nothing, "/sound.wav": sound}
    return {**usual, **{f"/{name}": page for name, page in more.items()}}


def speaks(said: Pcm) -> Pcm:
    return np.concatenate([audio.silence(BEFORE_MS), said])


def at_s(event: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(event["ts"]).timestamp()


def test_a_message_is_left_behind_the_beep_and_fetched_by_its_url(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place, tmp_path: Path
) -> None:
    with VoiceServer(pages(records(timeout=4), plays)) as server:
        edge = edge_factory(place.config(server))
        end = far_end(1, speaks(SAID))
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        ended = edge.wait_event("call.ended")
        assert ended["end"]["reason"] == "agent_hangup"
        (done,) = server.of("/done")
        sid, url = done["RecordingSid"], done["RecordingUrl"]
        assert url == f"{place.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}"
        assert done["CallSid"] == call_sid(ended["call_id"])
        assert (done["CallStatus"], "Digits" in done) == ("in-progress", False)
        message = place.fetched(url, tmp_path)
        assert audio.is_in(SAID, message)
        assert abs(len(message) - len(SAID)) < 1.5 * audio.PHONE_RATE_HZ
        assert abs(int(done["RecordingDuration"]) - len(message) / 8000) <= 0.5
        (told,) = wait_until(lambda: server.of("/told"), 10, "the status callback")
        assert (told["RecordingStatus"], told["RecordingSid"]) == ("completed", sid)
        assert audio.find(sounds.beep(), heard.pcm()).score > 0.95
        assert not audio.is_in(GREETING, heard.pcm()), "the next verb is not carried out"
        assert edge.events(name="engine.in_use") == [], "there is no agent"

        client = twilio_client(place.url, TOKENS["operator"])
        assert client.recordings(sid).fetch().call_sid == done["CallSid"]
        (fetched,) = edge.events(name="recording.fetched")
        assert (fetched["of_call"], fetched["by"]) == (ended["call_id"], "operator")
        assert client.recordings(sid).delete()
        assert place.files() == []


def test_a_key_ends_a_message(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place, tmp_path: Path
) -> None:
    with VoiceServer(
        pages(records(timeout=60, finish_on_key="*5"), done=document(waits))
    ) as server:
        edge = edge_factory(place.config(server, calls={"mask_dtmf": True}))
        end = far_end(1, speaks(SAID))
        sipp.run(
            "uac_key",
            edge.address,
            media=end,
            AFTER=str(SAID_BY_MS),
            BODY="Signal=5",
            pause_ms=3000,
            check=False,
        )
        (done,) = server.of("/done")
        assert done["Digits"] == "5"
        assert audio.is_in(SAID, place.fetched(done["RecordingUrl"], tmp_path))


def test_a_caller_who_says_nothing_hears_the_next_verb(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place
) -> None:
    with VoiceServer(pages(records(timeout=2), plays)) as server:
        edge = edge_factory(place.config(server))
        end = far_end(1, audio.silence(100), repeat=True)
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        assert audio.is_in(GREETING, heard.pcm())
        edge.wait_event("call.ended")
        assert [one.path for one in server.asked] == ["/voice", "/sound.wav"]
        assert place.files() == []


def test_a_phone_that_sends_nothing_is_silent(
    edge_factory: Edges, sipp: Sipp, place: Place
) -> None:
    with VoiceServer(pages(records(timeout=2))) as server:
        edge = edge_factory(place.config(server))
        sipp.run("uac_call_ended_by_peer", edge.address)
        assert edge.wait_event("call.ended")["end"]["reason"] == "agent_hangup"
        assert [one.path for one in server.asked] == ["/voice"]


def test_H4_a_disk_that_cannot_be_written_costs_the_message_alone(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place
) -> None:
    place.directory.write_bytes(b"no directory")
    with VoiceServer(pages(records(timeout=60), plays)) as server:
        edge = edge_factory(place.config(server))
        end = far_end(1, SAID, repeat=True)
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        assert run.wait(check=False).ok
        (heard,) = end.finish()
        assert audio.is_in(GREETING, heard.pcm())
        edge.wait_event("call.ended")
        assert [one.path for one in server.asked] == ["/voice", "/sound.wav"]
        (remark,) = edge.events(name="twilio.remark")
        assert "twilio.recordings" in remark["text"]


def test_a_caller_who_hangs_up_leaves_a_message_and_nothing_else(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place, tmp_path: Path
) -> None:
    with VoiceServer(pages(records(timeout=60))) as server:
        edge = edge_factory(place.config(server))
        for number in (1, 2):  # the first one begins what all calls share
            before = settled(edge.process.pid)
            end = far_end(1, SAID, repeat=True)
            call = sipp.start("uac_call", edge.address, media=end, until_told=True)
            wait_until(lambda: list(place.directory.rglob("*.part")), 20, "a message is written")
            time.sleep(2 * len(SAID) / audio.PHONE_RATE_HZ + 0.5)  # once whole, wherever it began
            call.hang_up()
            call.wait()
            end.finish()
            assert edge.wait_event("call.ended", count=number)["end"]["by"] == "caller"
            wait_until(lambda n=number: len(server.of("/done")) == n, 10, "the action")
            done = server.of("/done")[-1]
            assert (done["Digits"], done["CallStatus"]) == ("hangup", "completed")
        nothing_kept(edge.process.pid, before)
        assert len(server.of("/told")) == 2
        kept = place.fetched(done["RecordingUrl"], tmp_path)
        assert audio.find(SAID[: len(SAID) // 2], kept).score > 0.9, "in one piece"
        assert place.files() == [".json", ".json", ".wav", ".wav"]


def test_another_document_ends_a_message_and_two_follow_each_other(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place
) -> None:
    """By REST, in the middle. What was said until then is kept; its action is not asked for."""
    whole = {"max_length": 4, "timeout": 60, "trim": "do-not-trim"}
    again = document(records(play_beep=False, **whole))
    with VoiceServer(pages(records(timeout=60), again=again)) as server:
        edge = edge_factory(place.config(server))
        end = far_end(1, SAID, repeat=True)
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        wait_until(lambda: list(place.directory.rglob("*.part")), 20, "a message is written")
        client = twilio_client(place.url, TOKENS["operator"])
        other, told = VoiceResponse(), server.url("/told")
        other.record(action=server.url("/again"), recording_status_callback=told, **whole)
        began_s = time.monotonic()
        call_id = edge.wait_event("call.confirmed")["call_id"]
        client.calls(call_sid(call_id)).update(twiml=str(other))
        assert run.wait(check=False).ok
        assert time.monotonic() - began_s >= 8
        wait_until(lambda: len(server.of("/told")) == 3, 10, "three status callbacks")
        (second,), (third,) = server.of("/again"), server.of("/done")
        sids = {one["RecordingSid"] for one in server.of("/told")}
        assert len(sids) == 3
        assert {second["RecordingSid"], third["RecordingSid"]} < sids
        assert second["RecordingDuration"] == third["RecordingDuration"] == "4"


def test_S7_on_hold_nothing_is_kept_and_no_time_runs(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place
) -> None:
    pause_ms = 4000
    with VoiceServer(pages(records(timeout=60, trim="do-not-trim"))) as server:
        edge = edge_factory(place.config(server))
        end = far_end(1, SAID, repeat=True)
        sipp.run(
            "uac_hold",
            edge.address,
            media=end,
            pause_ms=pause_ms,
            HOLD=offers.HOLD_SENDONLY,
            ANSWER="recvonly",
        )
        end.finish()
        ended = edge.wait_event("call.ended")
        held_s = at_s(edge.wait_event("call.resumed")) - at_s(edge.wait_event("call.held"))
        (done,) = wait_until(lambda: server.of("/done"), 10, "the action")
        assert held_s >= pause_ms / 1000
        kept_s = int(done["RecordingDuration"])
        assert 4 <= kept_s <= ended["duration_s"] - held_s + 0.5


def test_two_messages_at_once(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place, tmp_path: Path
) -> None:
    said = {"one": SAID, "other": audio.speech("pbx")}
    with VoiceServer(pages(records(timeout=4))) as server:
        edge = edge_factory(place.config(server))
        ends = [far_end(1, speaks(pcm)) for pcm in said.values()]
        runs = [
            sipp.start("uac_call_ended_by_peer", edge.address, media=end, FROM=name)
            for name, end in zip(said, ends, strict=True)
        ]
        assert all(run.wait(check=False).ok for run in runs)
        edge.wait_event("call.ended", count=2)
        for name, pcm in said.items():
            (done,) = (one for one in server.of("/done") if name in one["From"])
            assert audio.is_in(pcm, place.fetched(done["RecordingUrl"], tmp_path))


def test_H1_the_end_of_the_edge_is_the_end_of_a_message(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, place: Place
) -> None:
    with VoiceServer(pages(records(timeout=60))) as server:
        edge = edge_factory(place.config(server, calls={"drain_s": 1}))
        end = far_end(1, SAID, repeat=True)
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        wait_until(lambda: list(place.directory.rglob("*.part")), 20, "a message is written")
        assert edge.stop() == 0
        assert run.wait(check=False).ok
        assert place.files() == [".json", ".wav"]
        assert len(server.of("/told")) == len(server.of("/done")) == 1
