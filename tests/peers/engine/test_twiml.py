"""Calls that are led by documents of a web server, as an agent has one for Twilio: SIPp and an RTP
far end, or an Asterisk, on one side; documents, signatures and client of Twilio's library on the
other."""

from __future__ import annotations

import io
import time
import wave
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import soundfile
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import Connect, Dial, Gather, VoiceResponse

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.bridge.playout import sounds
from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.calls.hook_server import Behaviour, answer
from support.calls.twilio_client import ACCOUNT, twilio_client
from support.engine.stream_agent import Stream, stream_agent
from support.engine.voice_server import VoiceServer
from support.footprint import nothing_kept, settled
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import KEYS
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]
Parameters = Mapping[str, str]

GREETING = g711.encode(g711.PCMU, audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ))
SOUND = audio.speech("short")
SORRY = sounds.prompt("sorry")
SILENT_AFTER_ORDER_MS = 1000
PLACING = {"prefixes": ["+49"], "max_calls": 2, "per_minute": 1000}


def led(server: VoiceServer, **more: Any) -> dict[str, Any]:
    """The configuration of an edge whose calls `/voice` leads."""
    route = {"name": "led", "voice_url": server.url("/voice"), **more.pop("route", {})}
    twilio = {**server.config, **more.pop("twilio", {})}
    return {"twilio": twilio, "routes": [route], **more}


def stream_to(url: str, action: str = "/after", **parameters: str) -> VoiceResponse:
    page = VoiceResponse()
    connect = Connect(action=action)
    stream = connect.stream(url=url, name="agent")
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    page.append(connect)
    return page


def hung_up(_: Parameters) -> VoiceResponse:
    page = VoiceResponse()
    page.hangup()
    return page


def sound(_: Parameters) -> Behaviour:
    return answer(200, wav(SOUND), Content_Type="audio/wav")


def wav(pcm: audio.Pcm) -> bytes:
    with io.BytesIO() as file:
        with wave.open(file, "wb") as written:
            written.setnchannels(1)
            written.setsampwidth(2)
            written.setframerate(audio.PHONE_RATE_HZ)
            written.writeframes(pcm.tobytes())
        return file.getvalue()


def as_mp3() -> bytes:
    with io.BytesIO() as file:
        pcm = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ) / 32768
        soundfile.write(file, pcm, audio.PHONE_RATE_HZ, format="MP3")
        return file.getvalue()


def says_goodbye(_: Parameters) -> VoiceResponse:
    page = VoiceResponse()
    page.play("/sound.wav")
    return page


def until_over(stream: Stream) -> None:
    stream.over.wait(60)


def heard_by(end: RtpFarEnd) -> RtpStream:
    (stream,) = end.finish()
    return stream


def heard_to_the_end(edge: Edge, sipp: Sipp, far_end: FarEnds) -> RtpStream:
    """By a caller who is silent, and whose call the edge ends."""
    end = far_end(1, audio.silence(100), repeat=True)
    run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
    assert run.wait(check=False).ok
    return heard_by(end)


def test_an_agent_has_the_call_and_then_the_next_document(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """The agent greets and closes its stream; the document behind it plays a sound; that is all."""

    def script(stream: Stream) -> None:
        stream.say(GREETING)
        stream.mark("greeted")
        stream.wait_for("mark")

    with stream_agent(script) as agent:
        page = stream_to(agent.url, tenant="bicycles")
        pages = {"/voice": lambda _: page, "/after": says_goodbye, "/sound.wav": sound}
        with VoiceServer(pages) as server:
            edge = edge_factory(led(server))
            heard = heard_to_the_end(edge, sipp, far_end)
            ended = edge.wait_event("call.ended")
            assert ended["end"]["reason"] == "agent_hangup"
            first, second = server.of("/voice")[0], server.of("/after")[0]
            sid = call_sid(ended["call_id"])
            assert {one["CallSid"] for one in (first, second)} == {sid}
            assert (first["CallStatus"], second["CallStatus"]) == ("ringing", "in-progress")
            assert (first["Direction"], first["To"]) == ("inbound", second["Called"])
            start = agent.stream().start
            assert (start["callSid"], start["customParameters"]["tenant"]) == (sid, "bicycles")
            assert agent.stream().of("stop") == [], "it has closed by itself"
            assert audio.is_in(g711.decode(g711.PCMU, GREETING), heard.pcm())
            assert audio.is_in(SOUND, heard.pcm()), "that of the second document"


def test_an_mp3_is_heard(edge_factory: Edges, sipp: Sipp, far_end: FarEnds) -> None:
    """Behind one that is broken."""
    page = VoiceResponse()
    page.play("/broken.mp3")
    page.play("/sound.mp3")
    pages = {
        "/voice": lambda _: page,
        "/sound.mp3": lambda _: answer(200, as_mp3(), Content_Type="audio/mpeg"),
        "/broken.mp3": lambda _: answer(200, b"ID3" + bytes(200), Content_Type="audio/mpeg"),
    }
    with VoiceServer(pages) as server:
        edge = edge_factory(led(server))
        heard = heard_to_the_end(edge, sipp, far_end)
        assert audio.is_in(g711.decode(g711.PCMU, GREETING), heard.pcm())
        assert edge.wait_event("call.ended")["end"]["reason"] == "agent_hangup"
        (remark,) = edge.events(name="twilio.remark")
        assert (remark["code"], "broken" in remark["text"]) == (13_000, True)


def test_a_call_is_refused_while_it_rings(edge_factory: Edges, sipp: Sipp) -> None:
    def refused(_: Parameters) -> VoiceResponse:
        page = VoiceResponse()
        page.reject(reason="busy")
        return page

    with VoiceServer({"/voice": refused}) as server:
        edge = edge_factory(led(server))
        sipp.run("uac_rejected", edge.address, STATUS="486")
        assert edge.wait_event("call.ended")["end"]["sip"]["status"] == 486
        assert edge.events(name="call.answered") == []


def test_keys_that_asterisk_presses_are_gathered(asterisk: Asterisk, edge_factory: Edges) -> None:
    def asks(_: Parameters) -> VoiceResponse:
        page = VoiceResponse()
        gather = Gather(num_digits=len(KEYS), finish_on_key="", action="/keys", timeout=10)
        gather.play("/sound.wav")
        page.append(gather)
        return page

    with VoiceServer({"/voice": asks, "/keys": hung_up, "/sound.wav": sound}) as server:
        edge = edge_factory(led(server, calls={"mask_dtmf": True}))
        asterisk.originate(f"PJSIP/trunk/{edge.uri}", "610")
        edge.wait_event("call.ended", timeout_s=30)
        assert [one["Digits"] for one in server.of("/keys")] == [KEYS]
        assert KEYS not in edge.log


def test_a_target_has_the_call_and_the_caller_is_back_when_it_has_hung_up(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    target = sipp.start("uas_hang_up", pause_ms=1500)

    def dials(_: Parameters) -> VoiceResponse:
        page = VoiceResponse()
        dial = Dial(action="/dialled")
        dial.sip(f"sip:900@{LOOPBACK}")  # may not be called
        dial.sip(f"sip:100@{target.address}")
        page.append(dial)
        return page

    pages = {"/voice": dials, "/dialled": says_goodbye, "/sound.wav": sound}
    with VoiceServer(pages) as server:
        allowed = {"may_call": [f"sip:100@{LOOPBACK}"]}
        edge = edge_factory(led(server, twilio=allowed))
        heard = heard_to_the_end(edge, sipp, far_end)
        ended = edge.wait_event("call.ended")
        assert ended["end"]["reason"] == "agent_hangup"
        (dialled,) = server.of("/dialled")
        assert (dialled["DialCallStatus"], dialled["DialBridged"]) == ("completed", "true")
        assert int(dialled["DialCallDuration"]) <= 60
        assert audio.is_in(SOUND, heard.pcm())
        assert len(edge.events(name="call.joined")) == 1
        assert [one["code"] for one in edge.events(name="twilio.remark")] == [13225]


@pytest.mark.parametrize("stream_there", [True, False])
def test_the_caller_hangs_up_and_nothing_is_kept(
    edge_factory: Edges, sipp: Sipp, stream_there: bool
) -> None:
    with stream_agent(until_over) as agent:
        waits = VoiceResponse()
        waits.pause(length=100)
        page = stream_to(agent.url) if stream_there else waits
        with VoiceServer({"/voice": lambda _: page}) as server:
            edge = edge_factory(led(server))
            for number in range(1, 3):  # the first one begins what all calls share
                before = settled(edge.process.pid)
                assert sipp.start("uac_call", edge.address, pause_ms=700).wait(check=False).ok
                ended = edge.wait_event("call.ended", count=number)
                assert ended["end"]["by"] == "caller"
            nothing_kept(edge.process.pid, before)
            assert len(server.asked) == 2
            if stream_there:
                assert agent.stream(1).of("stop")


def test_M3_an_agent_that_is_lost_leads_to_the_next_document(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    def breaks(stream: Stream) -> None:
        stream.wait_for("media", 10)
        stream.connection.close(1011)

    with stream_agent(breaks) as agent:
        pages = {
            "/voice": lambda _: stream_to(agent.url),
            "/after": says_goodbye,
            "/sound.wav": sound,
        }
        with VoiceServer(pages) as server:
            edge = edge_factory(led(server))
            assert audio.is_in(SOUND, heard_to_the_end(edge, sipp, far_end).pcm())
            edge.wait_event("call.ended")
            assert len(agent.streams) == 1


def test_M1_an_agent_that_is_not_there_leads_to_the_next_document(
    edge_factory: Edges, sipp: Sipp
) -> None:
    with stream_agent(until_over, admits=lambda *_: False) as agent:
        pages = {"/voice": lambda _: stream_to(agent.url), "/after": hung_up}
        with VoiceServer(pages) as server:
            edge = edge_factory(led(server))
            sipp.run("uac_call_ended_by_peer", edge.address)
            ended = edge.wait_event("call.ended")
            assert (ended["end"]["by"], len(server.of("/after"))) == ("agent", 1)
            (remark,) = edge.events(name="twilio.remark")
            assert (remark["call_id"], remark["code"]) == (ended["call_id"], 31920)


def test_an_agent_that_documents_may_not_name_is_not_asked(edge_factory: Edges, sipp: Sipp) -> None:
    with stream_agent(until_over) as agent:
        pages = {"/voice": lambda _: stream_to(agent.url), "/after": hung_up}
        with VoiceServer(pages) as server:
            edge = edge_factory(led(server, twilio={"hosts": []}))
            sipp.run("uac_call_ended_by_peer", edge.address)
            edge.wait_event("call.ended")
            assert agent.streams == []
            (remark,) = edge.events(name="twilio.remark")
            assert "twilio.hosts" in remark["text"]


@pytest.mark.parametrize(
    "page", [answer(500), answer(200, b"<Response><Say>", Content_Type="text/xml")]
)
def test_without_a_document_the_fallback_leads_the_call(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, page: Behaviour
) -> None:
    pages = {"/voice": lambda _: page, "/fallback": says_goodbye, "/sound.wav": sound}
    with VoiceServer(pages) as server:
        edge = edge_factory(led(server, route={"voice_fallback_url": server.url("/fallback")}))
        assert audio.is_in(SOUND, heard_to_the_end(edge, sipp, far_end).pcm())
        edge.wait_event("call.ended")
        (asked,) = server.of("/fallback")
        assert asked["ErrorUrl"] == server.url("/voice")
        assert asked["ErrorCode"] in ("11200", "12100")


def test_without_any_document_the_route_s_own_fallback_is_heard(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    with VoiceServer({"/voice": lambda _: answer(503)}) as server:
        edge = edge_factory(led(server, route={"fallback": [{"prompt": "sorry"}]}))
        assert audio.is_in(SORRY, heard_to_the_end(edge, sipp, far_end).pcm())
        assert edge.wait_event("call.ended")["end"]["reason"] == "engine_unreachable"


# --- by REST ----------------------------------------------------------------------------------


def steerable(server: VoiceServer, **more: Any) -> dict[str, Any]:
    """An edge with Twilio's REST."""
    twilio = {**server.config, "account_sid": ACCOUNT, **more.pop("twilio", {})}
    return {"api": api_config(placing=PLACING), **more, "twilio": twilio}


def test_another_document_takes_the_place_of_an_agent(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """An agent with a static address is left for a document, and that for one that is sent."""

    def talks(stream: Stream) -> None:
        while not stream.over.is_set():
            stream.say(GREETING)
            stream.over.wait(1)

    waits = VoiceResponse()
    waits.pause(length=100)
    with stream_agent(talks) as agent, VoiceServer({"/waits": lambda _: waits}) as server:
        engine = {"type": "twilio_stream", "url": agent.url, "account_sid": ACCOUNT}
        edge = edge_factory(steerable(server, engine=engine))
        client = twilio_client(Api(edge).url, TOKENS["operator"])
        end = far_end(1, audio.silence(100), repeat=True)
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        agent.stream().wait_for("media", 50)
        ordered_s = time.time()
        sid = call_sid(edge.wait_event("call.confirmed")["call_id"])
        updated = client.calls(sid).update(url=server.url("/waits"))
        assert (updated.sid, updated.status) == (sid, "in-progress")
        wait_until(lambda: server.of("/waits"), 20, "the document is asked for")
        agent.stream().wait_for("stop")
        time.sleep(1)
        assert client.calls(sid).update(twiml=str(hung_up({}))).status == "completed"
        assert run.wait(check=False).ok
        heard = heard_by(end)
        edge.wait_event("call.ended")
        loud_ms = [
            (heard.started_at_s - ordered_s) * 1000 + arrival_ms
            for arrival_ms, payload in zip(heard.arrival_ms, heard.payloads, strict=True)
            if set(payload) != {0xFF}
        ]
        assert any(at < 0 for at in loud_ms)
        assert max(loud_ms) < SILENT_AFTER_ORDER_MS, "what the agent has said is cut off"


def dialling(target: str) -> VoiceResponse:
    page = VoiceResponse()
    page.dial().sip(target)
    return page


def test_each_order_has_its_own_rights_and_the_last_one_leads(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """Two that come at once begin no two walks, and the second one may call whom its token may."""
    target = sipp.start("uas_hang_up", pause_ms=1500)
    waits = VoiceResponse()
    waits.pause(length=100)
    with stream_agent(until_over) as agent, VoiceServer({"/waits": lambda _: waits}) as server:
        engine = {"type": "twilio_stream", "url": agent.url, "account_sid": ACCOUNT}
        placing = {"prefixes": [f"sip:@{LOOPBACK}"], "max_calls": 2, "per_minute": 1000}
        edge = edge_factory(steerable(server, engine=engine, api=api_config(placing=placing)))
        url = Api(edge).url
        run = sipp.start("uac_call_ended_by_peer", edge.address)
        sid = call_sid(edge.wait_event("call.confirmed")["call_id"])
        call = twilio_client(url, TOKENS["operator"]).calls(sid)
        with ThreadPoolExecutor() as both:
            list(both.map(lambda _: call.update(url=server.url("/waits")), range(2)))
        wait_until(lambda: server.of("/waits"), 20, "a document is asked for")
        with pytest.raises(TwilioRestException, match="may not call there"):
            call.update(twiml=str(dialling(f"sip:100@{target.address}")))
        by_admin = twilio_client(url, TOKENS["admin"]).calls(sid)
        by_admin.update(twiml=str(dialling(f"sip:100@{target.address}")))
        assert run.wait(check=False).ok
        ended = edge.wait_event("call.ended")
        assert len(edge.events(name="call.joined")) == 1
        assert ended["end"]["detail"] == "TwiML: the documents are at their end"
        assert edge.events(name="twilio.remark") == []


def test_an_order_while_the_fallback_is_heard_leads_the_call(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """And not the fallback beside it, which would hang up. Documents that fail lead to it again."""

    def breaks(stream: Stream) -> None:
        stream.wait_for("media", 10)
        stream.connection.close(1011)

    pages = {"/voice": lambda _: answer(500)}
    with stream_agent(breaks) as agent, VoiceServer(pages) as server:
        engine = {"type": "twilio_stream", "url": agent.url, "account_sid": ACCOUNT}
        config = steerable(server, engine=engine, recovery={"outage_s": 1})
        edge = edge_factory({**config, "calls": {"fallback": [{"prompt": "sorry"}]}})
        end = far_end(1, audio.silence(100), repeat=True)
        run = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
        first = edge.wait_event("call.fallback")
        call = twilio_client(Api(edge).url, TOKENS["operator"]).calls(call_sid(first["call_id"]))
        call.update(url=server.url("/voice"))
        edge.wait_event("call.fallback", count=2)
        assert run.wait(check=False).ok
        end.finish()
        ended = edge.wait_event("call.ended")
        assert ended["end"]["detail"] == "TwiML: it answered 500"


def test_a_call_that_is_placed_is_led_by_a_document(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    end = far_end(1, audio.silence(100), repeat=True)
    called = sipp.start("uas_answer", media=end)
    pages = {"/voice": says_goodbye, "/sound.wav": sound}
    with VoiceServer(pages) as server:
        edge = edge_factory(steerable(server, **placing(called.address)))
        client = twilio_client(Api(edge).url, TOKENS["admin"])
        call = client.calls.create(to="+4930123", from_="+4930100", url=server.url("/voice"))
        assert call.status == "queued"
        ended = edge.wait_event("call.ended")
        called.wait(check=False)
        assert call_sid(ended["call_id"]) == call.sid
        (asked,) = server.of("/voice")
        assert (asked["CallStatus"], asked["Direction"]) == ("in-progress", "outbound-api")
        assert audio.is_in(SOUND, heard_by(end).pcm())


def placing(address: str) -> dict[str, Any]:
    trunk = {"name": "carrier", "proxy": f"sip:{address}", "allowed_caller_ids": ["+4930100"]}
    return {
        "trunks": [trunk],
        "outbound_routes": [{"name": "all", "trunks": [{"trunk": "carrier"}]}],
    }
