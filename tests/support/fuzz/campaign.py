"""An edge, a call beside, and cases until the time is over. What is found is kept with all that is
needed to see it again.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.footprint import settled
from support.fuzz import judge, plan
from support.fuzz.drive import Leg, Server, play
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp, SippRun
from support.ports import LOOPBACK, PortBlock
from support.signalling.torture.wire import answers_options

TRUNK, STRANGER, SERVER = "127.0.0.9", "127.0.0.10", "127.0.0.11"
_KEPT = 400
"""The last cases, in a finding."""
_LOOKED = 25
"""Cases between two looks at the log."""
_ACCOUNTS = 6


@dataclass
class Result:
    seconds: float = 0.0
    cases: int = 0
    sent: int = 0
    heard: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    memory_mb: list[float] = field(default_factory=list)
    """At rest: at the start and behind each part."""
    lag_ms: float = 0.0
    beside: int = 0
    """Packets that the calls beside have heard."""
    findings: list[str] = field(default_factory=list)
    folder: Path | None = None
    """Of the first finding."""


class Campaign:
    def __init__(
        self,
        home: Path,
        seed: str,
        *,
        python: Path | None = None,
        inside: Sequence[str] = (),
    ) -> None:
        self._home, self.seed = home, seed
        self.result = Result()
        self._last: deque[plan.Case] = deque(maxlen=_KEPT)
        self._ports = PortBlock(4)
        port = self._ports.port()
        self._edge = Edge(home, _config(f"{SERVER}:{port}"), python=python, inside=inside)
        self._server = Server(self._edge.address, SERVER, port, seed)
        self._sipp = Sipp(home / "sipp")
        self._api = Api(self._edge)
        self._heal()
        self._before = settled(self._edge.process.pid)
        self.result.memory_mb.append(judge.memory_mb(self._edge))

    def _heal(self) -> None:
        """A first call: what opens on first use is open then."""
        self._sipp.run("uac_call", self._edge.address, pause_ms=200)

    def part(self, cases: Iterator[plan.Case], seconds: float) -> None:
        """Cases beside one call, until they or the time are at their end; then all is at rest."""
        with RtpFarEnd(self._home, 1, audio.silence(20), repeat=True) as media:
            beside = self._sipp.start(
                "uac_call",
                self._edge.address,
                media=media,
                until_told=True,
                timeout_s=round(seconds) + 120,
            )
            self._edge.wait_event("call.confirmed")
            until = time.monotonic() + seconds
            for case in cases:
                self._one(case)
                if self.result.findings or time.monotonic() > until:
                    break
            self._end_beside(beside, media)
        if not self.result.findings:
            self._found(judge.at_rest(self._edge, self._before))
            self.result.memory_mb.append(judge.memory_mb(self._edge))
            self.result.lag_ms = judge.loop_lag_ms(self._edge)

    def _one(self, case: plan.Case) -> None:
        self._last.append(case)
        result = self.result
        result.cases += 1
        try:
            if case.kind == "placed":
                self._place(case)
            else:
                host = STRANGER if case.stranger else TRUNK
                self._count(play(self._edge.address, case, host, self._probe), case)
            for leg in self._server.serve():
                self._count(leg, case)
        except TimeoutError:
            self._found(["an OPTIONS of another peer has no answer within 10 s"])
        except OSError as error:
            self._found([f"the edge takes no connection: {error}"])
        if result.cases % _LOOKED == 0 or self._edge.process.exit_status is not None:
            self._found(judge.broken(self._edge))

    def _probe(self) -> None:
        answers_options(self._edge.address)

    def _place(self, case: plan.Case) -> None:
        self._server.expect(case)
        order = {"to": f"sip:callee@{self._server.me}", "wait_s": 0}
        key = {"Idempotency-Key": f"{self.seed}-{self.result.cases}"}
        reply = self._api.ask("POST", "/v1/calls", order, headers=key)
        if reply.status >= 500 and reply.status != 503:
            self._found([f"POST /v1/calls: {reply.status} {reply.body!r}"])
        deadline = time.monotonic() + 0.5
        before = sum(self._server.asked.values())
        while sum(self._server.asked.values()) == before and time.monotonic() < deadline:
            for leg in self._server.serve(0.05):
                self._count(leg, case)

    def _count(self, leg: Leg, case: plan.Case) -> None:
        self.result.sent += sum(step.act == "send" for step in case.steps)
        self.result.heard.update(leg.heard)
        self._found(leg.troubles)

    def _end_beside(self, beside: SippRun, media: RtpFarEnd) -> None:
        if self._edge.process.exit_status is None:
            beside.hang_up()
            ended = beside.wait(30, check=False)
        else:
            ended = beside.stop()
        (stream,) = media.finish()
        self.result.beside += stream.packets
        if self._edge.process.exit_status is None:
            self._found(judge.heard(stream, self._edge.rtp_ports))
            if not ended.ok:
                self._found([f"the call beside has failed: {ended}"[:3000]])
        self._found(judge.broken(self._edge))

    def _found(self, what: list[str]) -> None:
        fresh = [one for one in what if one not in self.result.findings]
        if not fresh:
            return
        self.result.findings += fresh
        folder = self._home / "finding"
        folder.mkdir(exist_ok=True)
        self.result.folder = folder
        (folder / "what.txt").write_text("\n\n".join(self.result.findings) + "\n", errors="replace")
        (folder / "cases.jsonl").write_text("".join(f"{case.as_json()}\n" for case in self._last))
        (folder / "edge.log").write_text(self._edge.log)

    def close(self) -> None:
        self.result.asked = self._server.asked
        if self._edge.process.exit_status is None:
            self.result.calls = len(self._edge.events(name="call.ended"))
            status = self._edge.stop(60)
            if status != 0 and not self.result.findings:
                self._found([f"the edge ended with {status} when it was told to"])
        self._sipp.close()
        self._server.close()
        self._edge.close()
        self._ports.close()


def _config(server: str) -> dict[str, Any]:
    """A trunk, strangers, registrations and placed calls. What a fuzzer never sends ends calls."""
    accounts = [
        {
            "name": f"pbx{number}",
            "registrar": f"sip:{server}",
            "user": f"fuzz{number}",
            "password": "x",
            "refresh_s": 5,
            "expires_s": 30,
            "refer": "allow",
            "refer_targets": ["*@*"],
            "replaces": "allow",
        }
        for number in range(_ACCOUNTS)
    ]
    return {
        "sip": {"accept": "trunks", "transports": ["udp", "tcp"], "max_calls": 60},
        "trunks": [
            {
                "name": "carrier",
                "hosts": [LOOPBACK, TRUNK],
                "trust_identity": True,
                "headers_in": ["Subject", "X-Account"],
                "refer": "allow",
                "refer_targets": [f"*@{SERVER}", "2*"],
                "replaces": "allow",
            }
        ],
        "accounts": accounts,
        "admission": {"stranger_rate": 0, "strangers_rate": 0, "peer_rate": 0},
        "calls": {"answer": "at_once", "max_duration_s": 7200, "drain_s": 1},
        "rtp": {"timeout_s": 5, "hold_timeout_s": 5, "port_rest_s": 1},
        "agent": {"mode": "silence", "greeting": False},
        "api": api_config(
            placing={"prefixes": [f"sip:@{SERVER}"], "max_calls": 30, "per_minute": 100_000}
        ),
        "metrics": {"enabled": True, "port": 0},
        "log": {"level": "info", "format": "json"},
    }


def drawn(seed: str, first: int = 0, count: int = 1 << 40) -> Iterator[plan.Case]:
    return (plan.case(seed, number) for number in range(first, first + count))


def saved(file: Path) -> Iterator[plan.Case]:
    with file.open() as lines:
        yield from (plan.Case.from_json(line) for line in lines)


def fresh_seed() -> str:
    return f"{random.randrange(1 << 32):08x}"


def summary(result: Result) -> str:
    figures = {
        "cases": result.cases,
        "requests and responses sent": result.sent,
        "answers": dict(result.heard.most_common(12)),
        "asked of the hostile server": dict(result.asked.most_common(8)),
        "calls": result.calls,
        "packets of the calls beside": result.beside,
        "loop lag p99 ms": result.lag_ms,
        "memory MB": [round(one) for one in result.memory_mb],
        "findings": len(result.findings),
    }
    return json.dumps(figures, indent=1)
