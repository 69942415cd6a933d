"""A1 to A4 on a real edge: who may ask, what is refused, keys that repeat, a thousand readers."""

from __future__ import annotations

import contextlib
import re
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sipua.process.exits import Exit
from support.calls.api import RIGHTS, TOKENS, Api, Reply, api_config, reader
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
Ends = Callable[..., RtpFarEnd]

READ = ("/v1/calls", "/v1/events", "/v1/edge", "/v1/refusals", "/v1/calls/c-22222222/record")
STEER = ("hangup", "hold", "say", "inject", "dtmf", "mute", "play", "metadata", "transfer")


CALLS = 60


def judge(end: RtpFarEnd) -> None:
    """The audio was not affected: no packet is missing, and of a hundred at most one came late. The
    test itself keeps the machine busy.
    """
    (stream,) = end.finish()
    assert (stream.lost, stream.malformed) == (0, 0)
    assert stream.timestamp_breaks <= stream.sent / 100


def up(api: Api, count: int = 1) -> list[dict[str, object]]:
    def found() -> list[dict[str, object]]:
        calls: list[dict[str, object]] = api.get("/v1/calls?state=active")["calls"]
        return calls if len(calls) == count else []

    return wait_until(found, 20, f"{count} calls in the list")


def test_A1_no_operation_answers_without_a_token(edge_factory: Edges) -> None:
    api = Api(edge_factory({"api": api_config()}))
    open_to_all = set()
    for path, operations in api.ask("GET", "/openapi.json", right="").json["paths"].items():
        for method, operation in operations.items():
            if not operation.get("security"):
                open_to_all.add(path)
                continue
            place = re.sub(r"{\w+}", "x", path)
            assert api.ask(method.upper(), place, right="").kind == "no-token", (method, path)
            wrong = {"Authorization": f"Bearer {'x' * 48}"}
            reply = api.ask(method.upper(), place, right="", headers=wrong)
            assert reply.kind in ("wrong-token", "too-many-requests"), (method, path)
    assert open_to_all == {"/health/live", "/health/ready", "/openapi.json"}


def test_A1_without_the_right_token_nothing_is_told(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    call = sipp.start("uac_call", edge.address, until_told=True)
    (shown,) = up(api)

    def denied(path: str, **more: object) -> Reply:
        reply = api.ask("GET", path, **more)  # type: ignore[arg-type]
        told = reply.body.replace(path.partition("?")[0].encode(), b"")  # what was asked
        assert str(shown["id"]).encode() not in told
        return reply

    for path in (*READ, "/v1/nothing", f"/v1/calls/{shown['id']}"):
        assert denied(path, right="").kind == "no-token"
        wrong = denied(path, right="", headers={"Authorization": f"Bearer {'x' * 48}"})
        assert wrong.kind == "wrong-token"
        in_url = denied(f"{path}?access_token={TOKENS['admin']}", right="")
        assert in_url.kind == "token-in-url"
        assert in_url.status == 401
        assert denied(f"{path}?token={TOKENS['admin']}").kind == "token-in-url"
    for act in STEER:
        reply = api.ask("POST", f"/v1/calls/{shown['id']}/{act}", {}, right="readonly")
        assert (reply.status, reply.kind) == (403, "no-right")
    for method, path in (("POST", "/v1/drain"), ("DELETE", "/v1/drain"), ("PUT", "/v1/log")):
        assert api.ask(method, path, {}, right="operator").kind == "no-right"
    assert api.ask("POST", "/v1/calls", {"to": "+49"}).kind == "not-allowed-to-call"
    for _ in range(20):
        last = denied("/v1/calls", right="", headers={"Authorization": "Bearer guess"})
    assert last.kind == "too-many-requests"
    assert int(last.headers["retry-after"]) >= 1
    told = api.get("/v1/edge")["denied"]
    assert told["urn:sipua:problem:no-token"] == len(READ) + 2
    assert told["urn:sipua:problem:no-right"] == len(STEER) + 3
    assert told["urn:sipua:problem:wrong-token"] >= 20
    assert all(token not in edge.log for token in TOKENS.values())
    call.hang_up()
    assert call.wait().ok


def test_each_right_may_do_what_is_its(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    for right in RIGHTS:
        assert api.get("/v1/calls", right=right) == {"calls": []}
    sipp_call = sipp.start("uac_call_ended_by_peer", edge.address)
    (shown,) = up(api)
    path = f"/v1/calls/{shown['id']}"
    with api.events(f"?types=call.*&call={shown['id']}") as following:
        ended = api.ask("POST", f"{path}/hangup", {"detail": "a test", "wait_s": 10})
        assert ended.json["state"] == "ended"
        assert ended.json["end"]["by"] == "operator"
        kinds = []
        while "call.ended" not in kinds:
            kind, data = following()
            assert data["subject"] == shown["id"]
            kinds.append(kind)
    assert sipp_call.wait().ok
    assert api.ask("POST", f"{path}/hangup", right="operator").kind == "call-ended"
    assert api.get(path, right="readonly")["end"] == ended.json["end"]
    kept = [event["type"] for event in api.get(f"{path}/events")["events"]]
    assert (kept[0], kept[-1]) == ("call.incoming", "call.ended")
    assert api.ask("GET", "/v1/calls/c-22222222").kind == "no-call"


def test_A2_what_does_not_fit_is_refused_and_the_audio_does_not_mind(
    edge_factory: Edges, sipp: Sipp, far_end: Ends
) -> None:
    edge = edge_factory({"api": api_config(max_connections=200)})
    api = Api(edge)
    end = far_end(1, audio.silence(12_000))
    call = sipp.start("uac_call", edge.address, media=end, until_told=True)
    (shown,) = up(api)
    hold = f"/v1/calls/{shown['id']}/hold"
    for body, kind in (
        (b"{", "invalid"),
        (b"\xff\xfe", "invalid"),
        (b"[" * 60_000, "invalid"),
        (b'{"on":"yes"}', "invalid"),
        (b'{"on":true,"more":1}', "invalid"),
        (b"", "invalid"),
        (b"x" * 70_000, "too-large"),
    ):
        reply = api.ask("POST", hold, body, headers={"Content-Type": "application/json"})
        assert (reply.kind, reply.status < 500) == (kind, True)
    assert api.ask("POST", hold, b"{}", headers={"Content-Type": "text/plain"}).kind == "no-json"
    assert api.ask("GET", "/v1/calls?limit=1&limit=2").kind == "invalid"
    assert api.ask("GET", "/v1/calls?limit=99999").json["errors"][0]["pointer"] == "limit"
    assert api.ask("GET", "/v1/nothing").kind == "not-found"
    wrong = api.ask("PATCH", "/v1/calls")
    assert (wrong.kind, wrong.headers["allow"]) == ("method-not-allowed", "GET, POST")
    assert _huge(api, hold) in (b"HTTP/1.1 413", b"")
    slow = _half(api, hold)
    crowd = [_idle(api.port) for _ in range(400)]  # of which 200 find room
    wait_until(lambda: _closed(crowd) >= 190, 30, "the end of those beyond the bound")
    for one in crowd:
        one.close()
    assert slow.recv(12) == b"HTTP/1.1 408"
    slow.close()
    assert wait_until(lambda: api.get("/health/live"), 20, "health")["status"] == "live"
    call.hang_up()
    assert call.wait().ok
    judge(end)


def test_A3_a_key_places_one_call(edge_factory: Edges) -> None:
    edge = edge_factory({"api": api_config(placing={"prefixes": [f"sip:@{LOOPBACK}"]})})
    api = Api(edge)
    order = {"to": f"sip:agent@{LOOPBACK}:{edge.port}"}  # it calls itself

    def place(key: str, body: dict[str, object], **more: str) -> Reply:
        return api.ask("POST", "/v1/calls", body, headers={"Idempotency-Key": key}, **more)

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: place("one", order), range(8)))
    placed = {reply.json["id"] for reply in replies if reply.status == 201}
    assert len(placed) == 1
    assert {r.kind for r in replies if r.status != 201} <= {"idempotency-key-in-use"}
    (call_id,) = placed
    again = place("one", order)
    assert (again.status, again.json["id"]) == (201, call_id)
    assert again.headers["location"] == f"/v1/calls/{call_id}"
    assert again.headers["idempotency-replayed"] == "true"
    other = place("one", {**order, "metadata": {"a": "b"}})
    assert (other.status, other.kind) == (422, "idempotency-key-reused")
    assert api.ask("POST", "/v1/calls", order).kind == "idempotency-key-missing"
    assert len(edge.events(name="call.placing")) == 1
    assert place("two", order).kind == "too-many-requests"  # max_calls = 1
    assert place("three", {"to": "sip:agent@192.0.2.1"}).kind == "not-allowed-to-call"
    assert place("one", order, right="operator").kind == "not-allowed-to-call"
    assert api.ask("POST", f"/v1/calls/{call_id}/hangup", {"wait_s": 10}).status == 200


@pytest.mark.few  # they take more of the processor than the calls beside them
def test_A4_a_thousand_readers(edge_factory: Edges, sipp: Sipp, far_end: Ends) -> None:
    _room_for(3000)
    edge = edge_factory({"api": api_config(max_connections=1500)})
    api = Api(edge)
    end = far_end(1, audio.silence(40_000))
    steady = sipp.start("uac_call", edge.address, media=end, timeout_s=120, until_told=True)
    up(api)
    diligent = [reader(api.port, "?types=call.confirmed") for _ in range(900)]
    standing = [reader(api.port, buffer=4096) for _ in range(100)]
    try:
        for one in (*diligent, *standing):
            assert one.recv(12) == b"HTTP/1.1 200"
        sipp.run("uac_call", edge.address, calls=CALLS, rate=20, pause_ms=200)
        heard = dict.fromkeys(diligent, b"")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for one in readable(diligent):
                heard[one] += one.recv(1 << 20)
            if min(text.count(b"event: call.confirmed\n") for text in heard.values()) == CALLS:
                break
        assert {text.count(b"event: call.confirmed\n") for text in heard.values()} == {CALLS}
        wait_until(lambda: len(cut_off(standing)) == len(standing), 30, "the end of who stands")
        assert cut_off(diligent) == []
        assert api.get("/health/live") == {"status": "live"}
    finally:
        for one in (*diligent, *standing):
            one.close()
    with api.events(last="another-1") as following:
        assert following() == ("reset", {"last_seen": "another-1"})
    steady.hang_up()
    assert steady.wait().ok
    judge(end)


def test_A4_a_reader_that_comes_back_gets_what_it_missed(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    with api.events("?types=call.ended") as following:
        sipp.run("uac_call", edge.address, pause_ms=100)
        _, seen = following()
    sipp.run("uac_call", edge.address, calls=2, rate=10, pause_ms=100)
    with api.events("?types=call.ended", last=seen["id"]) as following:
        missed = [following()[1] for _ in range(2)]
    numbers = [int(one["sequence"]) for one in (seen, *missed)]
    assert numbers == sorted(set(numbers))
    assert len({one["subject"] for one in (seen, *missed)}) == 3


def test_draining_can_be_taken_back(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    assert api.get("/health/ready", right="") == {"status": "ready"}
    call = sipp.start("uac_call", edge.address, until_told=True)
    up(api)
    drain = api.ask("POST", "/v1/drain").json
    assert (drain["draining"], drain["calls"], drain["stopping"]) == (True, 1, False)
    not_ready = api.ask("GET", "/health/ready", right="")
    assert (not_ready.status, not_ready.kind) == (503, "not-ready")
    assert "draining" in not_ready.json["detail"]
    refused = sipp.run("uac_rejected", edge.address, STATUS="503")
    assert "Retry-After: " in refused.received("SIP/2.0 503")[0].text
    assert api.get("/v1/refusals")["refusals"][0]["status"] == 503
    assert api.ask("DELETE", "/v1/drain").json["draining"] is False
    assert api.get("/health/ready", right="") == {"status": "ready"}
    call.hang_up()
    assert call.wait().ok
    assert sipp.run("uac_call", edge.address, pause_ms=100).ok
    call = sipp.start("uac_call_ended_by_peer", edge.address)
    up(api)
    api.ask("POST", "/v1/drain", {"timeout_s": 1, "stop": True})
    assert call.wait().ok
    assert edge.process.wait(20) == 0


def test_the_level_of_the_log_is_set_in_edge_and_workers(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    assert api.get("/v1/log") == {"level": "debug"}
    assert api.ask("PUT", "/v1/log", {"level": "error"}).json == {"level": "error"}
    for _ in range(4):  # of both workers
        assert sipp.run("uac_call", edge.address, pause_ms=100).ok
    assert api.ask("PUT", "/v1/log", {"level": "info"}).json == {"level": "info"}
    assert sipp.run("uac_call", edge.address, pause_ms=100).ok
    edge.wait_event("call.ended")
    assert len(edge.events(name="call.incoming")) == 1
    assert len(edge.events(name="call.answered")) == 1


def test_over_tls_and_what_speaks_none_costs_nothing(edge_factory: Edges, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={LOOPBACK} "
    make += f"-addext subjectAltName=IP:{LOOPBACK} -keyout {key} -out {certificate}"
    subprocess.run(make.split(), check=True, capture_output=True)
    tls = {"tls_certificate": str(certificate), "tls_key": str(key)}
    edge = edge_factory({"api": api_config(**tls)})
    api = Api(edge)
    assert api.url.startswith("https://")
    stalled = _idle(api.port)
    with socket.create_connection((LOOPBACK, api.port), 20) as plain:
        plain.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"HTTP/1.1 200" not in plain.recv(1000)
    token = tmp_path / "token"
    token.write_text(TOKENS["readonly"])
    command = [*(sys.executable, "-m", "sipua"), "calls", "ls", "--url", api.url, "--json"]
    command += ["--token-file", str(token), "--ca-file", str(certificate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ('{"calls": []}\n', "")
    untrusted = subprocess.run(command[:-2], capture_output=True, text=True, check=False)
    assert "certificate" in untrusted.stderr
    assert untrusted.returncode == Exit.NETWORK
    wait_until(lambda: _closed([stalled]) == 1, 10, "the end of a handshake that stands")
    stalled.close()


def test_the_edge_ends_at_once_whoever_follows_it(edge_factory: Edges) -> None:
    edge = edge_factory({"api": api_config()})
    followers = [reader(Api(edge).port) for _ in range(5)]
    for one in followers:
        assert one.recv(12) == b"HTTP/1.1 200"
    assert edge.stop() == 0
    for one in followers:
        while one.recv(65_536):
            pass
        one.close()


def _room_for(descriptors: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, descriptors), hard))


def readable(sockets: list[socket.socket]) -> list[socket.socket]:
    return _polled(sockets, select.POLLIN, 500)


def cut_off(sockets: list[socket.socket]) -> list[socket.socket]:
    """Those that were reset, whatever is left in them to be read."""
    return _polled(sockets, 0, 0)


def _polled(sockets: list[socket.socket], events: int, timeout_ms: int) -> list[socket.socket]:
    poll = select.poll()
    of = {one.fileno(): one for one in sockets}
    for number in of:
        poll.register(number, events)
    return [of[number] for number, _ in poll.poll(timeout_ms)]


def _huge(api: Api, path: str) -> bytes:
    """The begin of the answer to a body of 100 MB; empty: the connection was cut first."""
    sock = socket.create_connection((LOOPBACK, api.port), 20)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS['admin']}\r\n"
    more = "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
    sock.sendall(f"{head}{more}".encode())
    try:
        for _ in range(100):
            sock.sendall(b" " * 1_000_000)
    except OSError:
        pass
    try:
        return sock.recv(12)
    except OSError:
        return b""
    finally:
        sock.close()


def _idle(port: int) -> socket.socket:
    sock = socket.create_connection((LOOPBACK, port), 20)
    sock.setblocking(False)
    return sock


def _closed(sockets: list[socket.socket]) -> int:
    closed = 0
    for one in sockets:
        try:
            closed += one.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    return closed


def _half(api: Api, path: str) -> socket.socket:
    """A request whose body never comes."""
    sock = socket.create_connection((LOOPBACK, api.port), 20)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS['admin']}\r\n"
    sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
    return sock
