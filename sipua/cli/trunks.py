"""`sipua trunks`: the trunks and accounts of a running edge, asked over its API."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sipua.cli import api_client
from sipua.cli.api_client import ClientError, ask, in_path, show
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean, fit, width

if TYPE_CHECKING:
    from sipua.process.command_parser import Commands

One = Mapping[str, Any]
_HEAD = ("name", "kind", "state", "expires", "calls", "last answer", "last refusal")
_LOOKS_S = 0.2
"""Between two looks at whether the registrar has answered."""


def add(commands: Commands) -> None:
    summary = "trunks and accounts: registered or not, calls, last refusal"
    listing = api_client.add(commands, "trunks", _list, summary, example="sipua trunks")
    below = listing.add_subparsers(title="commands", metavar="COMMAND")
    add_below = partial(api_client.add, below, below=True)
    add_below("ls", _list, "all of them (the default)", example="sipua trunks ls --json")
    one = add_below("show", _show, "one of them", example="sipua trunks show office-pbx")
    words = "register an account now, and wait for the registrar's answer"
    refresh = add_below("refresh", _refresh, words, example="sipua trunks refresh office-pbx")
    refresh.add_argument(
        "--wait", type=float, default=10.0, metavar="S", help="at most so long (default: 10)"
    )
    for command in (one, refresh):
        command.add_argument("name", metavar="NAME", help="of a trunk or account")


def _list(args: argparse.Namespace) -> int:
    found = _both(args)
    return show(args, found, lambda: _table(found, datetime.now(UTC)))


def _show(args: argparse.Namespace) -> int:
    one = _named(_both(args), args.name)
    return show(args, one, lambda: "\n".join(_facts(one, datetime.now(UTC))))


def _refresh(args: argparse.Namespace) -> int:
    before = _named(_both(args), args.name)
    if before["kind"] != "account":
        words = f"{args.name} is a trunk: it does not register; `sipua trunks ls` shows what does"
        raise ClientError(words, Exit.UNFIT)
    ask(args, "POST", f"/v1/registrations/{in_path(args.name)}/refresh")
    deadline = time.monotonic() + args.wait
    one = before
    while one.get("answered_at") == before.get("answered_at") and time.monotonic() < deadline:
        time.sleep(_LOOKS_S)
        one = _named(_both(args), args.name)
    code = show(args, one, lambda: f"{clean(args.name)}: {_answer(one, datetime.now(UTC))}")
    answered = one.get("answered_at") != before.get("answered_at")
    return code if answered and one["state"] == "registered" else Exit.SIP


def _both(args: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    trunks = ask(args, "GET", "/v1/trunks")["trunks"]
    accounts = ask(args, "GET", "/v1/registrations")["registrations"]
    return {
        "trunks": [{**one, "kind": "trunk", "state": state_of(one)} for one in trunks],
        "accounts": [{"name": one["account"], "kind": "account", **one} for one in accounts],
    }


def state_of(trunk: One) -> str:
    """Of a trunk: whether its names stand for addresses, without which its calls are refused, and
    whether its servers answer.
    """
    if any(not name["addresses"] for name in trunk["names"]):
        return "unresolved"
    states = [server["state"] for server in trunk.get("servers", ())]
    if "down" not in states:
        return "ready"
    return "down" if set(states) == {"down"} else "partly down"


def _named(found: Mapping[str, Sequence[dict[str, Any]]], name: str) -> dict[str, Any]:
    every = [*found["trunks"], *found["accounts"]]
    for one in every:
        if one["name"] == name:
            return one
    known = ", ".join(clean(one["name"]) for one in every) or "none"
    raise ClientError(f"no trunk or account is named {clean(name)}: {known}", Exit.UNFIT)


# --- texts ------------------------------------------------------------------------------------


def _table(found: Mapping[str, Sequence[One]], now: datetime) -> str:
    every = [*found["trunks"], *found["accounts"]]
    if not every:
        return "no trunks, no accounts: calls come from anyone, or are refused (sip.accept)"
    rows = [_HEAD, *(_cells(one, now) for one in every)]
    widths = [max(width(row[at]) for row in rows) for at in range(len(_HEAD))]
    return "\n".join(
        "  ".join(fit(cell, most) for cell, most in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cells(one: One, now: datetime) -> tuple[str, ...]:
    return (
        clean(one["name"]),
        one["kind"],
        one["state"],
        _expires(one, now) or "-",
        _calls(one),
        _answer(one, now) if one["kind"] == "account" else "-",
        refusal(one, now) or "-",
    )


def _facts(one: One, now: datetime) -> Iterator[str]:
    facts = {
        "kind": one["kind"],
        "state": one["state"],
        "registrar": one.get("registrar", ""),
        "hosts": ", ".join(one.get("hosts", ())),
        "proxy": one.get("proxy", ""),
        "expires": _expires(one, now),
        "last answer": _answer(one, now) if one["kind"] == "account" else "",
        "calls": _calls(one),
        "last refusal": refusal(one, now),
        "fix": one.get("fix") or "",
    }
    for name in one["names"]:
        addresses = ", ".join(name["addresses"]) or "no address"
        cause = f" (last look-up: {name['cause']})" if name.get("cause") else ""
        facts[f"name {name['name']}"] = f"{addresses}{cause}"
    for place, server in enumerate(one.get("servers", ()), 1):
        facts[f"server {place}"] = _server(server, now)
    yield clean(one["name"])
    for name, text in facts.items():
        if text:
            yield f"  {clean(name):12}  {clean(text)}"


def _calls(one: One) -> str:
    return f"{one['calls']} of {one['max_calls']}" if one.get("max_calls") else str(one["calls"])


def _server(server: One, now: datetime) -> str:
    words = [server["uri"], f"priority {server['priority']}, weight {server['weight']}"]
    since = f", {ago(server['since'], now)}" if server.get("since") else ""
    words.append(f"{server['state']}{since}")
    if server.get("round_trip_ms") is not None:
        words.append(f"{server['round_trip_ms']:g} ms")
    return "; ".join([*words, *([server["cause"]] if server.get("cause") else [])])


def _answer(one: One, now: datetime) -> str:
    """The last answer of the registrar, or that there is none."""
    if "answered_at" not in one:
        return "none yet"
    status, reason = one.get("status"), one.get("reason") or ""
    words = "200 OK" if one["state"] == "registered" else f"{status or '?'} {reason}".strip()
    again = one.get("retry_in_s")
    if one["state"] == "failed":
        words += "; not tried again" if again is None else f"; again in {again:.0f} s"
    return clean(f"{words}, {ago(one['answered_at'], now)}")


def _expires(one: One, now: datetime) -> str:
    if one["state"] != "registered" or "answered_at" not in one or not one.get("expires_s"):
        return ""
    left = one["expires_s"] - (now - datetime.fromisoformat(one["answered_at"])).total_seconds()
    return f"{max(0.0, left):.0f} s"


def refusal(one: One, now: datetime) -> str:
    """Of the last call that did not come about."""
    last = one.get("last_refusal")
    if not last:
        return ""
    by = "by us" if last["direction"] == "incoming" else "by it"
    cause = f" ({last['cause']})" if last.get("cause") else ""
    return clean(f"{last['status']} {last['reason']}{cause} {by}, {ago(last['at'], now)}")


def ago(moment: str, now: datetime) -> str:
    seconds = max(0, round((now - datetime.fromisoformat(moment)).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
