"""Webhooks by the API of a real edge: looked at, tried, sent again, enabled; generated requests."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.calls.hook_receiver import SECRET, verified
from support.calls.hook_server import HookServer, answer
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

WEBHOOKS = "/v1/webhooks"


def config(home: Path, url: str, **api: Any) -> dict[str, Any]:
    common = {"types": ["call.*"], "allow": ["127.0.0.1", "::1"], "secret": SECRET, "timeout_s": 2}
    crm = {"name": "crm", "url": f"{url}/hook?key=s3cret", **common}
    off = {"name": "off", "url": f"{url}/off", "enabled": False, **common}
    spool = {"directory": home / "spool", "retry_s": [0, 0.2]}
    return {"api": api_config(**api), "webhooks": [crm, off], "webhook_spool": spool}


def closing(status: int) -> Any:
    return answer(status, Connection="close")


def test_dead_letters_are_seen_and_sent_again(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    with HookServer([closing(500)]) as server:
        edge = edge_factory(config(tmp_path, server.url))
        api = Api(edge)
        (crm, off) = api.get(WEBHOOKS, right="readonly")["webhooks"]
        assert (crm["state"], crm["waiting"], crm["dead"]) == ("ok", 0, 0)
        assert (off["name"], off["state"]) == ("off", "off")
        assert crm["origin"] == server.url, "the rest of the address may be a key"
        sipp.run("uac_call", edge.address, pause_ms=200)
        call = edge.wait_event("call.ended")["call_id"]

        def dead() -> list[dict[str, Any]]:
            letters: list[dict[str, Any]] = api.get(f"{WEBHOOKS}/crm/dead")["letters"]
            return letters if letters and letters[-1]["type"] == "call.ended" else []

        letters = wait_until(dead, 20, "the dead letters")
        assert {letter["call_id"] for letter in letters} == {call}
        assert {letter["cause"] for letter in letters} == {"answered 500"}
        assert letters == sorted(letters, key=lambda letter: letter["at"])
        paged, after = list[Any](), "0"
        while after:
            page = api.get(f"{WEBHOOKS}/crm/dead?limit=2&after={after}", right="readonly")
            paged += page["letters"]
            after = page.get("next", "")
        assert paged == letters
        (crm, _) = api.get(WEBHOOKS)["webhooks"]
        assert (crm["dead"], crm["waiting"]) == (len(letters), 0)
        tried = api.ask("POST", f"{WEBHOOKS}/crm/test", right="operator").json
        assert (tried["ok"], tried["status"], tried["cause"]) == (False, 500, "answered 500")
        server.behaviours[:] = [closing(200)]
        before = len(server.requests)
        assert api.ask("POST", f"{WEBHOOKS}/crm/test").json["ok"]
        again = {"ids": [letters[0]["id"], "no-such-id"]}
        sent = api.ask("POST", f"{WEBHOOKS}/crm/redeliver", again, right="operator").json
        assert sent == {"webhook": "crm", "redelivered": 1}
        wait_until(lambda: len(server.requests) == before + 2, 10, "the one")
        sent = api.ask("POST", f"{WEBHOOKS}/crm/redeliver", {"ids": "all"}).json
        assert sent["redelivered"] == len(letters) - 1
        wait_until(lambda: not api.get(WEBHOOKS)["webhooks"][0]["waiting"], 20, "all")
        (_, *events) = verified(server.requests[before:])
        assert [event["id"] for event in events] == [letter["id"] for letter in letters]
        assert edge.events(name="webhook.redelivered")[0]["by"] == "operator"
        assert "s3cret" not in api.ask("GET", WEBHOOKS).body.decode()


def test_W1_one_that_has_answered_410_is_enabled(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    with HookServer([closing(410)]) as server:
        edge = edge_factory(config(tmp_path, server.url))
        api = Api(edge)
        assert api.ask("POST", f"{WEBHOOKS}/crm/enable").json["changed"] is False
        sipp.run("uac_call", edge.address, pause_ms=200)
        edge.wait_event("webhook.disabled")
        shown = wait_until(
            lambda: [one for one in api.get(WEBHOOKS)["webhooks"] if one["state"] == "disabled"],
            10,
            "that it is disabled",
        )
        assert shown[0]["cause"] == "answered 410"
        assert "disabled_at" in shown[0]
        server.behaviours[:] = [closing(200)]
        before = len(server.requests)
        assert api.ask("POST", f"{WEBHOOKS}/crm/enable").json["changed"] is True
        assert api.ask("POST", f"{WEBHOOKS}/crm/redeliver", {"ids": "all"}).status == 200
        sipp.run("uac_call", edge.address, pause_ms=200)
        call = edge.wait_event("call.ended", count=2)["call_id"]

        def told() -> bool:
            events = verified(server.requests[before:])
            return (call, "call.ended") in {(event["subject"], event["type"]) for event in events}

        wait_until(told, 20, "the next call")


def test_A1_who_may_do_what_and_what_is_not_there(
    edge_factory: Callable[..., Edge], tmp_path: Path
) -> None:
    with HookServer([answer(200)]) as server:
        api = Api(edge_factory(config(tmp_path, server.url)))
        for act in ("redeliver", "test", "enable"):
            path = f"{WEBHOOKS}/crm/{act}"
            assert api.ask("POST", path, {"ids": "all"}, right="readonly").kind == "no-right"
            assert api.ask("POST", path, {"ids": "all"}, right="").kind == "no-token"
            nothing = api.ask("POST", f"{WEBHOOKS}/nothing/{act}", {"ids": "all"})
            assert nothing.kind == "not-found"
        assert api.ask("POST", f"{WEBHOOKS}/crm/enable", right="operator").kind == "no-right"
        assert server.requests == []
        assert api.ask("GET", f"{WEBHOOKS}/nothing/dead").kind == "not-found"
        for body in ({}, {"ids": []}, {"ids": "some"}, {"ids": ["x"], "all": True}):
            assert api.ask("POST", f"{WEBHOOKS}/crm/redeliver", body).kind == "invalid"


def test_A2_generated_requests_about_webhooks_find_no_fault(
    edge_factory: Callable[..., Edge], tmp_path: Path
) -> None:
    with HookServer([answer(200)]) as server:
        edge = edge_factory(config(tmp_path, server.url, requests_per_second=10_000))
        api = Api(edge)
        rules = tmp_path / "schemathesis.toml"
        rules.write_text('[parameters]\nname = "crm"\n')
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", rules, "run"),
                f"{api.url}/openapi.json",
                *("--header", f"Authorization: Bearer {TOKENS['admin']}"),
                *("--include-path-regex", WEBHOOKS, "--phases", "coverage,fuzzing"),
                *("--max-examples", "10", "--seed", "1", "--request-timeout", "20", "--no-color"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert edge.events(name="api.fault") == []


def test_a_spool_that_cannot_be_read_is_said(
    edge_factory: Callable[..., Edge], tmp_path: Path
) -> None:
    """Of another version: it is left alone."""
    (tmp_path / "spool").mkdir()
    database = sqlite3.connect(tmp_path / "spool" / "webhooks.sqlite3")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with HookServer([answer(200)]) as server:
        edge = edge_factory(config(tmp_path, server.url))
        reply = Api(edge).ask("GET", WEBHOOKS)
        assert (reply.status, reply.kind) == (503, "storage")
        edge.wait_event("webhook.spool_failed")
