"""Another canary in each place where a secret can be, every output on, a call (SIPp) and failures;
then each byte that came out is searched for each of them.

What authenticates us is of course in what it authenticates: a header of a webhook in the requests
of that webhook. All other places are leaks.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

import pytest

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.calls.homer import Collector
from support.calls.hook_server import HookServer, answer
from support.engine.scenarios import scenario
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until
from support.signalling import offers

pytestmark = pytest.mark.peer

ROOT = Path(__file__).parents[3]
DOCUMENT = json.loads((ROOT / "sipua/control/openapi.json").read_text())

Edges = Callable[..., Edge]
Outputs = dict[str, bytes]

_DIGEST = "ca4a41" + "0" * 26
_SRTP = "ca4a41" + "k" * 34
"""The 30 bytes of a master key and salt, as base64."""


class Canaries:
    """`canaries("account")`: made once, of letters that no encoding changes."""

    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        return self.all.setdefault(place, f"cAnArY{len(self.all):02d}{os.urandom(9).hex()}")

    def found(self, outputs: Outputs, allowed: dict[str, str]) -> list[str]:
        """Which secret is in which output. `allowed`: by the secret, the output that has it."""
        leaks = []
        for place, secret in self.all.items():
            forms = [secret.encode(), *_base64(secret)]
            for output, data in outputs.items():
                if any(form in data for form in forms) and allowed.get(place) != output:
                    at = next(data.find(form) for form in forms if form in data)
                    leaks.append(f"{place} in {output}: {data[max(at - 60, 0) : at + 30]!r}")
        return leaks


def _base64(secret: str) -> Iterator[bytes]:
    """As it stands inside of longer base64, whatever is before it."""
    for before in range(3):
        coded = base64.b64encode(b"x" * before + secret.encode())
        yield coded[4 if before else 0 : -4]


# Each command knows no secret but those that it reads itself; all share one import.
_EACH_IN_A_FORK = """
import json, os, sys
import sipua.config
from sipua.cli.main import run
for words, file in json.load(sys.stdin):
    child = os.fork()
    if child == 0:
        out = os.open(file, os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        try:
            run(words)
            sys.stdout.flush()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""

SHAPES = {
    "a digest": rb'response="?[0-9a-f]{32}',
    "a key of SRTP": rb"inline:[A-Za-z0-9+/]{20}",
    "a bearer token": rb"[Bb]earer [A-Za-z0-9]{8}",
    "a key of a caller": rb"Signal *= *[0-9]",
}


def echo(handler: BaseHTTPRequestHandler) -> None:
    """A server that says in its error what it has got."""
    body = json.dumps({"error": dict(handler.headers.items()), "path": handler.path}).encode()
    answer(500, body, Content_Type="application/json")(handler)


def denied(handler: BaseHTTPRequestHandler) -> None:
    key = handler.headers.get("Authorization", "")
    words = f"Incorrect API key provided: {key}, {handler.path}, {dict(handler.headers.items())}"
    body = json.dumps({"error": {"code": "invalid_api_key", "message": words}}).encode()
    answer(401, body, Content_Type="application/json")(handler)


class Denying(HookServer):
    """Also for the upgrade of a websocket, which is a GET."""

    def __enter__(self) -> Self:
        super().__enter__()
        handler = self._server.RequestHandlerClass
        handler.do_GET = denied  # type: ignore[attr-defined]  # a class of the method before
        return self


def config(
    secret: Canaries, home: Path, to: dict[str, str], ports: dict[str, int]
) -> dict[str, Any]:
    signing = {
        name: "whsec_" + base64.b64encode(secret(name).encode()).decode()
        for name in ("webhook-secret", "webhook-second", "tool-secret")
    }
    for name, value in signing.items():
        secret.all[f"{name}-written"] = value.removeprefix("whsec_")
    token = secret("token") + "0" * 12
    api = api_config()
    api["tokens"].append({"name": "canary", "token": token, "right": "admin"})
    return {
        "log": {"level": "debug", "format": "json", "sip": True},
        "edge": {"workers": 1},
        "api": {**api, "sip_ladder": True},
        "audit": {"enabled": True, "directory": home / "audit"},
        "metrics": {"enabled": True},
        "trunks": [
            {
                "name": "trunk",
                "hosts": [LOOPBACK],
                "srtp": "prefer",
                "user": "t",
                "realm": "r",
                "password": secret("trunk"),
                "proxy": f"sip:{LOOPBACK}:{ports['closed']}",
            }
        ],
        "accounts": [
            {
                "name": name,
                "registrar": f"sip:{LOOPBACK}:{ports[name]}",
                "user": "100",
                "password": secret(f"account-{name}"),
            }
            for name in ("good", "wrong")
        ],
        "engine": {
            "type": "openai_realtime",
            "url": f"{to['vendor'].replace('http', 'ws')}/v1/realtime?code={secret('engine-url')}",
            "api_key": secret("engine-key"),
            "headers": {"x-vendor": secret("engine-header")},
        },
        "engines": {"backup": {"type": "local"}},
        "calls": {"fallback": [{"engine": "backup"}], "mask_dtmf": True},
        "agent": {
            "api_key": secret("agent"),
            "scenario": scenario(
                home,
                """\
                [[steps]]
                on = "greeting"
                tone_ms = 200
                call = [{ name = "find_order", arguments = { number = "7" } }]
                """,
            ),
        },
        "tools": {
            "webhooks": [
                {
                    "name": "find_order",
                    "description": "Finds an order.",
                    "url": f"{to['tool']}/find?code={secret('tool-url')}",
                    "headers": {"x-tool": secret("tool-header")},
                    "secret": signing["tool-secret"],
                    "retries": 0,
                }
            ],
            "mcp": [
                {
                    "label": "crm",
                    "url": "https://mcp.example.net/mcp",
                    "authorization": secret("mcp"),
                    "headers": {"x-mcp": secret("mcp-header")},
                }
            ],
        },
        "webhooks": [
            {
                "name": name,
                "url": f"{to[name]}/hook?code={secret(f'{name}-url')}",
                "headers": {"x-hook": secret(f"{name}-header")},
                "allow": [LOOPBACK],
                "secret": signing["webhook-secret"],
                "second_secret": signing["webhook-second"],
            }
            for name in ("hook", "failing")
        ],
        "webhook_spool": {"directory": home / "hooks"},
        "traces": {
            "enabled": True,
            "endpoint": to["traces"],
            "headers": {"x-trace": secret("traces-header")},
        },
        "hep": {
            "enabled": True,
            "port": ports["hep"],
            "what": ["sip", "rtcp", "logs", "cdr"],
            "auth_key": secret("hep"),
        },
        "cdr": {
            "directory": home / "cdr",
            "postgres": f"postgresql://u:{secret('postgres')}@{LOOPBACK}:{ports['closed']}/d",
        },
        "capture": {"enabled": True, "directory": home / "captures"},
        "record": {"enabled": True, "directory": home / "records", "transcripts": "full"},
        "supervise": {"prefix": "*55", "accounts": ["good"], "pin": ports["pin"]},
    }


def commands(edge: Edge, home: Path) -> Outputs:
    """What commands print, also of files that are wrong."""
    text = edge.file.read_text()
    wrong = {
        "unknown key": text.replace('password = "', 'pasword = "'),
        "no TOML": text.replace('password = "', 'password = "x" "'),
        "not closed": re.sub(r'(api_key = "[^"]*)"', r"\1", text, count=1),
        "a blank": text.replace('api_key = "', 'api_key = " '),
        "a number": re.sub(r'auth_key = "([^"]*)"', r"auth_key = [\n'\1'\n]", text),
        "bad URLs": text.replace("http://localhost", "http://u:p@localhost"),
        "no URLs": text.replace("http://localhost", "gopher://localhost"),
    }
    printed: Outputs = {}
    asked = {
        "config show": ["config", "show", edge.file],
        "config show --json": ["config", "show", edge.file, "--json"],
        "config check": ["config", "check", edge.file],
        "doctor": ["doctor", "-c", edge.file],
        "cdr": ["cdr", "ls", "-c", edge.file, "--json"],
        "audit": ["audit", "ls", "-c", edge.file],
        "hooks": ["hooks", "ls", "-c", edge.file],
    }
    for name, broken in wrong.items():
        assert broken != text, name
        file = home / f"{name}.toml"
        file.write_text(broken)
        asked[f"config check: {name}"] = ["config", "check", file]
    asked["serve --debug"] = ["serve", "-c", home / "no TOML.toml", "--debug"]
    orders = [
        ([str(word) for word in words], str(home / f"printed {number}"))
        for number, words in enumerate(asked.values())
    ]
    subprocess.run(
        [sys.executable, "-c", _EACH_IN_A_FORK],
        input=json.dumps(orders).encode(),
        check=True,
        timeout=120,
    )
    for name, (_, file) in zip(asked, orders, strict=True):
        printed[name] = Path(file).read_bytes()
        assert printed[name], name
    return printed


def answers(edge: Edge, call_id: str) -> Outputs:
    """Everything that the API gives, and what it answers to wrong tokens."""
    api = Api(edge)
    got: Outputs = {}
    for path, methods in DOCUMENT["paths"].items():
        if "get" not in methods:
            continue
        shown = path.replace("{id}", call_id)
        if "{" in shown or shown == "/v1/events":
            continue
        got[f"GET {path}"] = api.ask("GET", shown).body
    bad = {"Authorization": "Bearer " + "cAnArYwrong" + "0" * 20}
    got["a wrong token"] = api.ask("GET", "/v1/calls", right="", headers=bad).body
    got["a token in the URL"] = api.ask("GET", f"/v1/calls?token={TOKENS['admin']}", right="").body
    return got


def processes(edge: Edge) -> Outputs:
    """The command lines of all, and the environment of those that the edge has started as
    programs: what is in its own is its owner's."""
    found: Outputs = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
            if b"agent" in line and b"sipua" in line:
                found[f"environment of {line!r}"] = (process / "environ").read_bytes()
        except OSError:
            continue
        found[f"command line {process.name}"] = line
    assert edge.process
    return found


def files(home: Path, *without: Path) -> Outputs:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path not in without
    }


def test_no_secret_is_in_anything_that_comes_out(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path, closed_port: int
) -> None:
    secret, home = Canaries(), tmp_path / "out"
    home.mkdir()
    with ExitStack() as open_until_then:
        hooks = {
            name: open_until_then.enter_context(HookServer([behaviour]))
            for name, behaviour in (
                ("hook", answer(204)),
                ("failing", echo),
                ("tool", echo),
                ("traces", echo),
            )
        }
        hooks["vendor"] = open_until_then.enter_context(Denying([denied]))
        hep = Collector()
        open_until_then.callback(hep.close)
        registrars = {
            name: sipp.start(
                "uas_registrar",
                calls=50,
                pause_ms=60000,
                USERNAME="100",
                PASSWORD=secret("account-good"),
                EXPIRES="300",
            )
            for name in ("good", "wrong")
        }
        ports: dict[str, Any] = {name: run.port for name, run in registrars.items()}
        ports |= {"closed": closed_port, "hep": hep.port, "pin": "738291"}
        to = {name: hook.url for name, hook in hooks.items()}
        edge = edge_factory(
            config(secret, home, to, ports),
            env={"OPENAI_API_KEY": secret("environment"), "SIPUA_LOG__STATE_S": "1"},
        )
        edge.wait_event("registration.ok")
        edge.wait_event("registration.failed")

        crypto = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{_SRTP}"
        secret.all |= {"the caller's digest": _DIGEST, "the caller's SRTP key": _SRTP}
        sipp.run(
            "uac_key",
            edge.address,
            AFTER="1500",
            pause_ms=1000,
            OFFER=offers.offer("0 101", profile="RTP/SAVP", more=crypto),
            HEADERS=f'Authorization: Digest username="u", realm="r", nonce="n", uri="sip:x", '
            f'response="{_DIGEST}"\n'
            f"X-Account: Bearer {secret('token of a caller')}\n"
            f"P-Asserted-Identity: <sip:u:{secret('password in a URI')}@{LOOPBACK}>",
            BODY="Signal=7\nDuration=160",
        )
        call_id = str(edge.wait_event("call.ended")["call_id"])
        wait_until(lambda: b"call.ended" in _bodies(hooks["hook"]), 30, "the webhook")
        wait_until(lambda: hooks["traces"].requests, 30, "the trace")
        wait_until(lambda: hooks["failing"].requests, 30, "the failing webhook")
        assert hooks["tool"].requests

        outputs = answers(edge, call_id) | processes(edge)
        good = edge.file.read_text()
        edge.file.write_text(good.replace('password = "', 'pasword = "'))
        assert Api(edge).ask("POST", "/v1/config/reload", {}).status == 422
        edge.wait_event("config.refused")
        edge.file.write_text(good)
        time.sleep(0.3)
        outputs |= commands(edge, tmp_path)
        edge.stop()
        outputs["HEP"] = b"".join(packet.raw for packet in hep.packets)
        outputs |= {f"to {name}": _bodies(hook) for name, hook in hooks.items()}
        outputs |= files(home) | files(tmp_path / "edge-0", edge.file)
        # The collector asks for its key; the engine calls MCP servers itself, and the local agent
        # writes down what it is told.
        allowed = {"hep": "HEP", "mcp": "agent.jsonl", "mcp-header": "agent.jsonl"}
        leaks = secret.found(outputs, allowed)
        leaks += [
            f"{what} in {output}: {match[0]!r}"
            for what, shape in SHAPES.items()
            for output, data in outputs.items()
            if (match := re.search(shape, data))
        ]
        leaks += [f"PIN in {name}" for name, data in outputs.items() if b"738291" in data]
        assert len(outputs) > 40
        assert outputs["HEP"]
        assert not leaks, "\n" + "\n".join(leaks)


def _bodies(hook: HookServer) -> bytes:
    return b"\n".join(request.body for request in hook.requests)
