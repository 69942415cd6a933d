"""`sipua trunks` and `sipua calls` against a real edge: what they show, do, and say when they
cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipua.process.exits import Exit
from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.commands import environment, shell
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.signalling import offers

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
PASSWORD = "zx-nobody-else-has-this"


def test_trunks_and_accounts(edge_factory: Edges, sipp: Sipp, tmp_path: Path) -> None:
    values = {"USERNAME": "agent", "PASSWORD": PASSWORD, "EXPIRES": "60"}
    registrar = sipp.start("uas_registrar", None, calls=1000, timeout_s=120, **values)
    account = {"name": "pbx", "user": "agent", "password": PASSWORD}
    edge = edge_factory(
        {
            "api": api_config(),
            "accounts": [{**account, "registrar": f"sip:{registrar.address}"}],
            "trunks": [{"name": "carrier", "hosts": ["192.0.2.1", "sbc.test"]}],
        }
    )
    edge.wait_event("registration.ok")
    sipp.run("uac_rejected", edge.address, OFFER=offers.NO_COMMON_CODEC, STATUS="488")
    edge.wait_event("call.rejected")
    env = environment(tmp_path, Api(edge), "operator")

    def run(words: str, **more: str) -> tuple[int, str, str]:
        done = shell(f"sipua {words}", {**env, **more}, tmp_path)
        return done.returncode, done.stdout, done.stderr

    code, shown, _ = run("trunks")
    assert code == Exit.OK
    carrier, pbx = shown.splitlines()[1:]
    assert carrier.split()[:2] == ["carrier", "trunk"]
    assert pbx.split()[:3] == ["pbx", "account", "registered"]
    assert "200 OK, " in pbx
    assert "488 Not Acceptable Here (the offer has none of the codecs" in pbx
    assert "by us, " in pbx
    found = json.loads(run("trunks ls --json")[1])
    again = json.loads(run("trunks --json")[1])
    for one in (found, again):
        del one["trunks"][0]["names"]  # looked up again and again
    assert found == again
    assert found["accounts"][0]["last_refusal"]["direction"] == "incoming"
    assert "registrar     sip:" in run("trunks show pbx")[1]
    assert json.loads(run("trunks --json show carrier")[1])["hosts"] == ["192.0.2.1", "sbc.test"]
    code, shown, _ = run("trunks refresh pbx")
    assert (code, shown.startswith("pbx: 200 OK, ")) == (Exit.OK, True)
    assert len(edge.events(name="registration.ok")) >= 2

    code, _, said = run("trunks refresh carrier")
    assert code == Exit.UNFIT
    assert "is a trunk: it does not register" in said
    code, _, said = run("trunks show nobody")
    assert code == Exit.UNFIT
    assert "no trunk or account is named nobody: carrier, pbx" in said
    refused = run("calls refused")[1].splitlines()
    assert refused[0].split()[:3] == ["at", "status", "reason"]
    assert "488" in refused[1]
    registrar.stop()
    code, shown, _ = run("trunks refresh pbx --wait 0.5")
    assert code == Exit.SIP


def test_a_call_is_steered(edge_factory: Edges, sipp: Sipp, tmp_path: Path) -> None:
    edge = edge_factory(
        {"api": api_config(), "agent": {"greeting": False}, "rtp": {"timeout_s": 120}}
    )
    call = sipp.start("uac_call_ended_by_peer", edge.address, timeout_s=120)
    call_id = str(edge.wait_event("call.confirmed")["call_id"])
    api = Api(edge)
    env = environment(tmp_path, api, "operator")

    def run(act: str, rest: str = "", **more: str) -> tuple[int, Any, str]:
        line = f"sipua calls {act} --json {more.pop('call_id', call_id)} {rest}"
        done = shell(line, {**env, **more}, tmp_path)
        return done.returncode, json.loads(done.stdout or "null"), done.stderr

    for act, rest in (
        ("mute", "agent"),
        ("mute", "agent --off"),
        ("dtmf", "12#"),
        ("play", "sorry"),
        ("inject", '"The caller is a member."'),
        ("metadata", "order=4711 note='a=b'"),
    ):
        code, told, said = run(act, rest)
        assert (code, said) == (0, ""), act
        assert told["status"] in ("done", "accepted"), act
    shown = api.get(f"/v1/calls/{call_id}")
    assert shown["muted"] == []
    assert shown["metadata"] == {"order": "4711", "note": "a=b"}
    code, _, said = run("play", "nothing.wav")
    assert code == Exit.UNFIT
    assert said.startswith("sipua: ")
    code, _, said = run("transfer", "nobody")
    assert (code, said.count("\n")) == (Exit.UNFIT, 1)
    readonly = environment(tmp_path, api, "readonly")["SIPUA_TOKEN_FILE"]
    code, _, said = run("hangup", SIPUA_TOKEN_FILE=readonly)
    assert code == Exit.UNFIT
    assert said.startswith("sipua: This token may not do that")
    code, told, _ = run("hangup", "--detail 'a test'")
    assert (code, told["end"]["by"]) == (0, "operator")
    assert call.wait().ok
    code, _, said = run("say", "hello")
    assert code == Exit.UNFIT
    assert said == "sipua: The call is over; `sipua cdr show` tells how it ended\n"
    code, _, said = run("hold", call_id="c-22222222")
    assert code == Exit.UNFIT
    assert said.startswith("sipua: There is no such call; `sipua calls ls` has")
    code, _, said = run("hold", SIPUA_API_URL=f"http://{LOOPBACK}:1")
    assert code == Exit.NETWORK
    assert "does the edge run, with api.enabled?" in said
    assert run("metadata", "nonsense")[0] == Exit.USAGE
