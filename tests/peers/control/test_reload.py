"""A reload on a real edge: what is up stays as it was, what is new is new, what is bad changes
nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.calls.hook_server import HookServer, answer
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]


def config(engine: str = "one", **more: Any) -> dict[str, Any]:
    """Every call talks with the engine of this name; each session is lost after two seconds."""
    return {
        "api": api_config(),
        "agent": {"fault": "drop:2"},
        "engines": {"one": {}, "two": {}},
        "routes": [{"name": "all", "engine": engine}],
        **more,
    }


def reload(api: Api, *, check: bool = False) -> dict[str, Any]:
    reply = api.ask("POST", "/v1/config/reload", {"check": check})
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    return found


def keys(found: dict[str, Any], when: str) -> list[str]:
    return [change["key"] for change in found["plan"][when]]


def engines(edge: Edge, call_id: str) -> list[str]:
    return [str(one["engine"]) for one in edge.events(name="engine.in_use", call_id=call_id)]


def calls(edge: Edge, count: int) -> list[str]:
    """The ids of so many calls that are answered, the oldest first."""
    edge.wait_event("call.confirmed", count=count)
    return [str(one["call_id"]) for one in edge.events(name="call.incoming")]


def exhaust(following: Callable[[], object]) -> None:
    while True:
        following()


def test_a_call_keeps_its_engine_and_a_new_one_has_the_new(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(config("one"))
    api = Api(edge)
    before = api.get("/v1/config")
    old_run = sipp.start("uac_call", edge.address, pause_ms=12_000)
    (old,) = calls(edge, 1)
    edge.write(config("two"))
    assert keys(reload(api, check=True), "for_new_calls") == ["routes[all].engine"]
    assert api.get("/v1/config") == before, "a check changes nothing"
    done = reload(api)
    assert keys(done, "for_new_calls") == ["routes[all].engine"]
    assert (done["generation"], api.get("/v1/edge")["config"]) == (2, done["hash"])
    (change,) = api.get("/v1/config")["plan"]["for_new_calls"]
    assert (change["old"], change["new"]) != ("********", "********")
    (change,) = api.get("/v1/config", right="readonly")["plan"]["for_new_calls"]
    assert (change["key"], change["old"]) == ("routes[all].engine", "********")
    new_run = sipp.start("uac_call", edge.address, pause_ms=1000)
    old, new = calls(edge, 2)
    lost = len(engines(edge, old))
    wait_until(lambda: len(engines(edge, old)) > lost, 20, "another session of the old call")
    assert set(engines(edge, old)) == {"one"}
    assert set(engines(edge, new)) == {"two"}
    for run in (old_run, new_run):
        assert run.wait(40).ok
    begun = {one["call_id"]: one["config"] for one in edge.events(name="call.incoming")}
    assert begun == {old: before["hash"], new: done["hash"]}
    told = edge.wait_event("config.reloaded")
    assert told["plan"]["for_new_calls"] == ["routes[all].engine"]
    assert (told["by"], told["hash"]) == ("admin", done["hash"])


def test_SIGHUP_with_a_bad_file_changes_nothing(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(config())
    api = Api(edge)
    before = api.get("/v1/config")
    wrong = config(sip={"host": LOOPBACK, "port": 70_000}, calls={"answer": "never"})
    edge.write(wrong)
    os.kill(edge.process.pid, signal.SIGHUP)
    refused = edge.wait_event("config.refused")
    assert {one["key"] for one in refused["problems"]} == {"sip.port", "calls.answer"}
    assert refused["by"] == "SIGHUP"
    reply = api.ask("POST", "/v1/config/reload")
    assert (reply.status, reply.kind) == (422, "unfit-configuration")
    assert {one["pointer"] for one in reply.json["errors"]} == {"/sip/port", "/calls/answer"}
    edge.write(config(tools={"python": ["no_such_module:find"]}))
    reply = api.ask("POST", "/v1/config/reload")
    assert (reply.status, "no_such_module" in reply.json["detail"]) == (422, True)
    assert api.get("/v1/config") == before
    assert sipp.run("uac_call", edge.address, pause_ms=300).ok
    edge.write(config("two"))
    os.kill(edge.process.pid, signal.SIGHUP)
    assert edge.wait_event("config.reloaded")["by"] == "SIGHUP"
    assert api.get("/v1/config")["generation"] == 2


def test_peers_level_and_tokens_count_at_once(edge_factory: Edges, sipp: Sipp) -> None:
    trunk = [{"name": "carrier", "hosts": [LOOPBACK], "proxy": f"sip:{LOOPBACK}:9"}]
    closed = {"sip": {"accept": "trunks"}}
    edge = edge_factory(config(**closed, trunks=trunk))
    api = Api(edge)
    run = sipp.start("uac_call", edge.address, pause_ms=8000)
    calls(edge, 1)
    fewer = api_config()
    fewer["tokens"] = [one for one in fewer["tokens"] if one["name"] != "readonly"]
    with api.events() as following:
        edge.write(
            config(**closed, trunks=[], api=fewer, log={"level": "warning"}, metrics={"port": 9999})
        )
        done = reload(api)
        with pytest.raises((AssertionError, KeyError)):  # it ends: its token is no more
            exhaust(following)
    assert set(keys(done, "applied")) == {"trunks[carrier]", "log.level", "api.tokens[readonly]"}
    assert keys(done, "needs_restart") == ["metrics.port"]
    assert api.ask("GET", "/v1/edge", right="readonly").kind == "wrong-token"
    assert api.get("/v1/log") == {"level": "warning"}
    refused = sipp.run("uac_call", edge.address, pause_ms=300, check=False)
    assert not refused.ok
    assert edge.wait_event("call.rejected")["status"] == 403
    assert run.wait(40).ok, "the call of the trunk goes on"
    assert keys(api.get("/v1/config"), "needs_restart") == ["metrics.port"]
    edge.write(config(**closed, trunks=trunk, log={"level": "info"}))
    reload(api)
    assert sipp.run("uac_call", edge.address, pause_ms=300).ok


def test_twenty_reloads_under_calls(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(config(agent={}, log={"level": "info", "format": "json", "state_s": 1}))
    api = Api(edge)
    long = sipp.start("uac_call", edge.address, calls=4, rate=4, pause_ms=14_000)
    short = sipp.start("uac_call", edge.address, calls=40, rate=4, pause_ms=300)
    for number in range(20):
        edge.write(config("two" if number % 2 else "one", agent={}, calls={"wait_s": number + 10}))
        assert reload(api)["generation"] == number + 2
    assert short.wait(60).ok
    assert long.wait(60).ok
    assert edge.events(name="worker.died") == []
    assert edge.events(name="call.failed") == []

    def alone() -> bool:
        states = edge.events(name="edge.state")
        return bool(states) and all(one["configurations"] == 1 for one in states[-1]["workers"])

    edge.write(config(agent={}, log={"level": "info", "format": "json", "state_s": 1}))
    reload(api)
    wait_until(alone, 30, "old configurations to be freed")


DEADLY_TOOL = """
import os, pathlib, time

pathlib.Path(__file__).with_name("begun").touch()
time.sleep(2)
try:
    pathlib.Path(__file__).with_name("dead").touch(exist_ok=False)
except FileExistsError:
    pass
else:
    os._exit(3)


def find() -> str:
    '''Finds what is asked for.'''
    return "x"
"""


def test_H10_a_reload_that_a_worker_dies_of_is_refused_and_all_keep_the_old_one(
    edge_factory: Edges, sipp: Sipp, tmp_path: Any
) -> None:
    """The first import of the tools ends its process."""
    (tmp_path / "slow_tool.py").write_text(DEADLY_TOOL)
    path = {"PYTHONPATH": str(tmp_path)}
    edge = edge_factory(config("one"), env=path)
    api = Api(edge)
    edge.write(config("two", tools={"python": ["slow_tool:find"]}))
    ready = len(edge.events(name="worker.ready"))
    os.kill(edge.process.pid, signal.SIGHUP)
    wait_until((tmp_path / "begun").exists, 10, "the workers to try it")
    assert api.ask("POST", "/v1/config/reload").status == 409
    refused = edge.wait_event("config.refused")
    assert "has died while it tried it: it ended with exit code 3" in refused["cause"]
    edge.wait_event("worker.ready", count=ready + 1)
    assert api.get("/v1/config")["generation"] == 1
    old = sipp.start("uac_call", edge.address, pause_ms=300)
    (zeroth,) = calls(edge, 1)
    assert old.wait(40).ok
    assert engines(edge, zeroth) == ["one"]
    assert reload(api)["generation"] == 2
    runs = [sipp.start("uac_call", edge.address, pause_ms=1500) for _ in range(2)]
    _, first, second = calls(edge, 3)
    assert {edge.worker_of(first), edge.worker_of(second)} == {1, 2}
    assert all(run.wait(40).ok for run in runs)
    assert {*engines(edge, first), *engines(edge, second)} == {"two"}


def test_the_command_and_the_plan(edge_factory: Edges, tmp_path: Any) -> None:
    edge = edge_factory(config())
    api = Api(edge)
    token = tmp_path / "token"
    token.write_text(TOKENS["admin"])
    token.chmod(0o600)

    def sipua(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sipua", "reload", "--url", api.url, *words]
        more = {**os.environ, "SIPUA_TOKEN_FILE": str(token)}
        return subprocess.run(command, env=more, capture_output=True, text=True, check=False)

    edge.write(config(calls={"drain_s": 5}, edge={"name": "other"}))
    said = sipua("--check")
    assert said.returncode == 0, said.stderr
    assert "calls.drain_s: 30 -> 5" in said.stdout
    assert "needs a restart" in said.stdout
    assert "it would be configuration 2" in said.stdout
    assert "in force is configuration 2" in sipua().stdout
    said = sipua("--check")
    assert "needs a restart" in said.stdout
    assert "in force is configuration 2" in said.stdout
    edge.write(config(calls={"drain_s": -1}))
    said = sipua()
    assert said.returncode != 0
    assert "  calls.drain_s: " in said.stderr


def test_W1_webhooks_that_change_under_calls_get_each_event_once(
    edge_factory: Edges, sipp: Sipp, tmp_path: Any
) -> None:
    spool = {"webhook_spool": {"directory": tmp_path / "spool"}}

    def to(server: HookServer) -> list[dict[str, Any]]:
        types = ["call.incoming", "call.ended"]
        return [{"name": "crm", "url": server.url, "types": types, "allow": [LOOPBACK]}]

    with HookServer([answer(204)]) as first, HookServer([answer(204)]) as second:
        edge = edge_factory(config(agent={}, webhooks=to(first), **spool))
        api = Api(edge)
        run = sipp.start("uac_call", edge.address, calls=30, rate=10, pause_ms=500)
        wait_until(lambda: first.requests, 20, "the first events")
        edge.write(config(agent={}, webhooks=to(second), **spool))
        assert keys(reload(api), "applied") == ["webhooks[crm].url"]
        assert run.wait(60).ok
        wait_until(lambda: len(first.requests) + len(second.requests) >= 60, 30, "all events")
        assert edge.stop() == 0
    assert second.requests
    ids = [one.headers["webhook-id"] for one in (*first.requests, *second.requests)]
    assert (len(ids), len(set(ids))) == (60, 60)
    assert edge.events(name="webhook.spool_failed") == []
    assert edge.events(name="config.failed") == []
