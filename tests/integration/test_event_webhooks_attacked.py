"""Webhooks that get events, as an enemy or bad luck would have them: names that lead elsewhere,
answers that trick, a damaged spool, a full disk, a clock that is set.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.outputs.hooks import endpoint, reading, spool, webhooks
from sipua.outputs.hooks.settings import EndpointSettings
from sipua.outputs.hooks.spool import Spool, SpoolError, database_file
from support.calls.hook_bed import LOOPBACK, Bed
from support.calls.hook_receiver import SECRET, in_order, verified
from support.calls.hook_server import HookServer, answer, dripping
from support.process import until


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    made = Bed(tmp_path / "spool")
    yield made
    await made.stop()


def numbers(server: HookServer) -> list[int]:
    return [event["data"]["number"] for event in verified(server.requests)]


# --- where it is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["64:ff9b::7f00:1", "::ffff:127.0.0.1", "127.0.0.1", "::1"]]
)
async def test_W1_a_name_that_leads_here_by_now_is_refused(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    """DNS rebinding: what counts is the address that is connected to."""
    known = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **keys: Any) -> list[Any]:
        if host != "crm.example.com":
            return known(host, port, *args, **keys)
        return [one for address in addresses for one in known(address, port, *args, **keys)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with HookServer([answer(200)]) as server:
        port = server.url.rpartition(":")[2]
        await bed.start(f"http://crm.example.com:{port}/", allow=(), retry_s=(0.0,))
        bed.happens("call.ended")
        await until(lambda: reading.dead(bed.home), "the dead letter")
        assert "may not be reached" in reading.dead(bed.home)[0].cause
        assert server.requests == []


async def test_W1_a_proxy_of_the_environment_is_not_used(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password wrong\n")
    with HookServer([answer(200)]) as server, HookServer([answer(200)]) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NETRC", str(netrc))
        await bed.start(server.url)
        bed.happens("call.ended")
        await until(lambda: server.requests, "the event")
        assert proxy.requests == []
    assert "authorization" not in server.requests[0].headers


async def test_W1_configured_headers_do_not_stand_beside_ours(bed: Bed) -> None:
    seen = list[list[str]]()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        for name in ("webhook-id", "webhook-signature", "webhook-timestamp", "content-type"):
            seen.append(handler.headers.get_all(name, []))
        answer(200)(handler)

    with HookServer([behave]) as server:
        hostile = {"Webhook-ID": "x", "WEBHOOK-SIGNATURE": "v1,x", "content-Type": "text/html"}
        await bed.start(server.url, headers={**hostile, "Webhook-Timestamp": "1", "X-Key": "k"})
        bed.happens("call.ended", number=3)
        await until(lambda: server.requests, "the event")
    assert [len(values) for values in seen] == [1, 1, 1, 1]
    assert numbers(server) == [3]
    assert server.requests[0].headers["x-key"] == "k"


async def test_W1_a_header_with_a_line_break_is_never_sent(bed: Bed) -> None:
    """The configuration refuses it; this is the wall behind."""
    with HookServer([answer(200)]) as server:
        await bed.start(server.url, headers={"X-Key": "k\r\nX-Evil: yes"}, retry_s=(0.0,))
        bed.happens("call.ended")
        await until(lambda: reading.dead(bed.home), "the dead letter")
        assert server.requests == []


# --- what comes back ------------------------------------------------------------------------------


async def test_W1_it_has_answered_also_when_its_body_takes_longer_than_the_answer_may(
    bed: Bed,
) -> None:
    with HookServer([dripping, answer(200)]) as server:
        await bed.start(server.url, timeout_s=0.5)
        for number in range(2):
            bed.happens("turn.caller", number=number)
        await until(lambda: len(server.requests) == 2, "the next one")
        await bed.stop()
    assert numbers(server) == [0, 1], "nothing is sent twice"


async def test_W1_a_body_is_not_unpacked(bed: Bed) -> None:
    bomb = gzip.compress(bytes(50_000_000))[:60_000]
    packed = answer(200, bomb, Content_Encoding="gzip")
    nonsense = answer(200, b"\x00" * 100, Content_Encoding="gzip")
    with HookServer([packed, nonsense, answer(200)]) as server:
        await bed.start(server.url)
        for number in range(3):
            bed.happens("turn.caller", number=number)
        await until(lambda: len(server.requests) == 3, "all")
        await bed.stop()
    assert numbers(server) == [0, 1, 2]
    assert bed.names() == []


async def test_W1_a_retry_after_of_years_is_a_day(bed: Bed) -> None:
    with HookServer([answer(503, Retry_After="99999999999999999999999")]) as server:
        await bed.start(server.url)
        bed.happens("call.ended")
        await until(lambda: [one for one in reading.endpoints(bed.home) if one.next_s], "a pause")
    (state,) = reading.endpoints(bed.home)
    assert state.next_s is not None
    assert state.next_s <= time.time() + 86_400


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_W1_no_redirect_leads_anywhere(bed: Bed, status: int) -> None:
    with HookServer([answer(200)]) as inside, HookServer([answer(status)]) as server:
        server.behaviours[:] = [answer(status, Location=f"{inside.url}/secret")]
        await bed.start(server.url, retry_s=(0.0,))
        bed.happens("call.ended")
        await until(lambda: reading.dead(bed.home), "the dead letter")
        assert inside.requests == []


# --- the disk -------------------------------------------------------------------------------------


async def test_W1_a_spool_that_is_damaged_is_put_aside(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_AGAIN_S", 0.1)
    file = database_file(bed.home)
    file.parent.mkdir()
    file.write_bytes(b"not a database, whatever it was" * 1000)
    with HookServer([answer(200)]) as server, capture_logs() as logs:
        await bed.start(server.url)
        bed.happens("call.ended", number=1)
        await until(lambda: server.requests, "the event")
        await bed.stop()
    aside = file.with_name("webhooks.sqlite3.damaged")
    assert aside.read_bytes().startswith(b"not a database")
    (line,) = [line for line in logs if line["event"] == "webhook.spool_damaged"]
    assert line["kept_as"] == str(aside)
    assert reading.endpoints(bed.home) == []


async def test_W1_a_spool_that_is_damaged_while_it_is_used_is_put_aside(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_AGAIN_S", 0.1)
    write, broken = Spool.write, list[bool]()

    def breaks(self: Spool, *args: Any) -> list[int]:
        if broken:
            broken.clear()
            self.damaged = True
            raise SpoolError("database disk image is malformed")
        return write(self, *args)

    monkeypatch.setattr(Spool, "write", breaks)
    with HookServer([answer(503), answer(200)]) as server, capture_logs() as logs:
        await bed.start(server.url, retry_s=(0.0, 60.0))
        bed.happens("turn.caller", number=0)
        await until(lambda: server.requests, "an event that waits then")
        broken.append(True)
        bed.happens("turn.caller", number=1)
        bed.happens("turn.caller", number=2)
        await until(lambda: len(server.requests) == 3, "what came later")
    assert numbers(server) == [0, 1, 2]
    assert [line for line in logs if line["event"] == "webhook.spool_damaged"]


async def test_W1_a_full_disk_is_said_and_nothing_is_missing(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_AGAIN_S", 0.1)
    connect, full = spool.connect, [True]

    def bounded(file: Path) -> Any:
        database = connect(file)
        database.execute(f"PRAGMA max_page_count = {20 if full else 1_000_000}")
        return database

    monkeypatch.setattr(spool, "connect", bounded)
    with HookServer([answer(200)]) as server, capture_logs() as logs:
        await bed.start(server.url)
        await asyncio.sleep(0.3)
        for number in range(400):
            bed.happens("turn.caller", f"c-{number % 3}", number)
        await until(lambda: [1 for line in logs if line["event"] == "webhook.spool_failed"], "said")
        assert server.requests == []
        full.clear()
        running = bed.running
        assert running is not None
        assert running._loop is not None
        running._loop.call_soon_threadsafe(running._spool.open)
        await until(lambda: len(server.requests) >= 400, "all events", 30)
        await bed.stop()
    assert "full" in next(line["error"] for line in logs if line["event"] == "webhook.spool_failed")
    assert sorted(numbers(server)) == list(range(400))
    assert in_order(verified(server.requests))
    assert "webhook.dropped" not in bed.names()


async def test_W1_a_fault_of_ours_costs_a_batch_and_not_the_webhooks(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_AGAIN_S", 0.1)
    write, broken = Spool.write, [True, True]

    def breaks(self: Spool, *args: Any) -> list[int]:
        if broken:
            broken.pop()
            raise KeyError("a bug")
        return write(self, *args)

    monkeypatch.setattr(Spool, "write", breaks)
    with HookServer([answer(200)]) as server, capture_logs() as logs:
        await bed.start(server.url)
        for number in range(20):
            bed.happens("turn.caller", number=number)
            await asyncio.sleep(0.05)
        await until(lambda: server.requests and numbers(server)[-1] == 19, "the later ones")
    assert [line["event"] for line in logs].count("webhook.failed_inside") == 2


async def test_W1_thousands_of_events_for_a_dead_receiver_do_not_hold_up_another(bed: Bed) -> None:
    with HookServer([answer(200)]) as dead:
        pass
    with HookServer([answer(200)]) as server:
        other = EndpointSettings("dead", dead.url, (SECRET,), allow=LOOPBACK, most_bytes=100_000)
        await bed.start(server.url, other, types=("turn.*",))
        for number in range(1500):
            bed.happens("turn.caller", f"c-{number % 40}", number)
        await until(lambda: len(server.requests) >= 1500, "all events", 60)
        assert "webhook.dropped" in bed.names()
        await bed.stop()
    assert sorted(numbers(server)) == list(range(1500))
    assert in_order(verified(server.requests))
    states = {state.webhook: state for state in reading.endpoints(bed.home)}
    assert 0 < states["dead"].waiting + states["dead"].dead < 1500


# --- the clock, and who takes over ----------------------------------------------------------------


class Clock:
    """The wall clock, that somebody sets."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def time(self) -> float:
        return time.time() + self.ahead_s

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.mark.parametrize("jump_s", [-30 * 86_400.0, 30 * 86_400.0])
async def test_W1_a_clock_that_is_set_changes_no_pause(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    clock = Clock()
    for module in (webhooks, endpoint, spool):
        monkeypatch.setattr(module, "time", clock)
    with HookServer([answer(500), answer(500), answer(200)]) as server:
        await bed.start(server.url, retry_s=(0.0, 2.0, 2.0))
        for number in range(2):
            bed.happens("turn.caller", number=number)
        await until(lambda: server.requests, "the first attempt")
        clock.ahead_s = jump_s
        began = time.monotonic()
        await until(lambda: len(server.requests) == 2, "the second one")
        assert time.monotonic() - began > 0.5, "not at once"
        await until(lambda: len(server.requests) == 4, "all")
        await bed.stop()
    assert numbers(server) == [0, 0, 0, 1]
    assert reading.dead(bed.home) == []


async def test_W1_a_pause_of_a_run_with_a_wrong_clock_is_no_longer_than_a_day(bed: Bed) -> None:
    with HookServer([answer(500), answer(200)]) as server:
        await bed.start(server.url, retry_s=(0.0, 60.0))
        bed.happens("call.ended")
        await until(lambda: [one for one in reading.endpoints(bed.home) if one.next_s], "a pause")
        await bed.stop()
        database = spool.connect(database_file(bed.home))
        database.execute("UPDATE delivery SET due_s = ?", (time.time() + 10 * 365 * 86_400,))
        database.close()
        await bed.start(server.url)
        await asyncio.sleep(0.3)
        running = bed.running
        assert running is not None
        next_s = running._endpoints["crm"].queue.next_s()
        assert next_s is not None
        assert next_s <= time.time() + 86_400


async def test_what_waits_is_tried_at_once_when_somebody_asks_for_it(bed: Bed) -> None:
    with HookServer([answer(500), answer(200)]) as server:
        await bed.start(server.url, retry_s=(0.0, 600.0))
        for number in range(3):
            bed.happens("turn.caller", number=number)
        await until(lambda: [one for one in reading.endpoints(bed.home) if one.next_s], "a pause")
        assert reading.redeliver(bed.home, "crm") == 0
        await until(lambda: len(server.requests) == 4, "all")
    assert numbers(server) == [0, 0, 1, 2]


async def test_another_one_on_the_same_directory_takes_over_and_nothing_is_missing(
    bed: Bed,
) -> None:
    """What a new configuration does while the edge runs."""
    with HookServer([answer(200)]) as server:
        await bed.start(server.url)
        for number in range(300):
            bed.happens("turn.caller", f"c-{number % 3}", number)
            if number % 60 == 30:
                old, bed.running = bed.running, bed.made(f"{server.url}/{number}")
                assert old is not None
                over = asyncio.create_task(bed.running.take_over(old))
                await asyncio.sleep(0)  # its first step: from here on events are the new one's
                bed.happens("turn.caller", "c-between", number)
                await over
            if number % 10 == 0:
                await asyncio.sleep(0.01)
        await until(lambda: len(server.requests) >= 305, "all events", 30)
        await bed.stop()
    found = verified(server.requests)
    assert len({event["id"] for event in found}) == 305
    assert in_order(found)
    assert len({request.path for request in server.requests}) > 2
    assert reading.endpoints(bed.home) == []
    assert bed.names() == []


async def test_what_waits_for_a_webhook_that_is_gone_is_sent_when_it_is_back(bed: Bed) -> None:
    with HookServer([answer(500), answer(200)]) as server, HookServer([answer(200)]) as other:
        await bed.start(server.url, retry_s=(0.0, 1.0))
        bed.happens("call.ended", number=1)
        await until(lambda: server.requests, "the first attempt")
        await bed.stop()
        theirs = EndpointSettings("other", other.url, (SECRET,), allow=LOOPBACK)
        bed.running = webhooks.Webhooks(
            webhooks.HookSettings(bed.home, (theirs,), (0.0,), 3600.0, 3600.0), bed.events
        )
        await bed.running.start()
        bed.happens("call.ended", number=2)
        await until(lambda: other.requests, "the other one's")
        await bed.stop()
        await bed.start(server.url)
        await until(lambda: len(server.requests) == 2, "what had waited")
    assert numbers(server) == [1, 1]
    assert numbers(other) == [2]
