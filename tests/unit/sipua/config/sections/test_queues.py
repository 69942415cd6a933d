"""Queues and hours as they are written: what is wrong is named, with its key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.config import ConfigError, read
from sipua.config.values.problems import Problem

QUEUE = """
[[queues]]
name = "support"
max_calls = 2
"""
PEOPLE = """
[[queues]]
name = "people"
[[queues.members]]
name = "anna"
target = "sip:201@192.0.2.10"
"""
ROUTE = """
[[routes]]
name = "front"
queue = "support"
"""
HOURS = """
[hours.office]
zone = "Europe/Berlin"
open = ["Mo-Fr 08:00-18:00"]
"""


def problems(home: Path, text: str) -> list[Problem]:
    path = home / "edge.toml"
    path.write_text('[sip]\naccept = "any"\n' + text)
    try:
        return list(read(path, {}).warnings)
    except ConfigError as error:
        return list(error.problems)


def test_what_is_right_is_no_problem(tmp_path: Path) -> None:
    text = ROUTE + QUEUE + 'when = "office"\n[queues.closed]\nqueue = "people"\n' + PEOPLE + HOURS
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        (ROUTE, "routes[0].queue", 'there is no queue "support"'),
        (ROUTE + QUEUE + QUEUE, "queues[1].name", "is the name of another queue"),
        (ROUTE + QUEUE.replace("max_calls = 2", ""), "queues[0].max_calls", "is missing"),
        (QUEUE, "queues[0].name", "is not used"),
        (ROUTE + QUEUE + 'agent = "sales"', "queues[0].agent", 'there is no route "sales"'),
        (ROUTE + QUEUE + 'account = "pbx"', "queues[0].account", "there is no account or trunk"),
        (ROUTE + QUEUE + 'position_text = "Wait."', "queues[0].position_text", "has no {position}"),
        (ROUTE + QUEUE + "[queues.keys]\n1 = {}", "queues[0].keys.1", "exactly one of"),
        (
            ROUTE + QUEUE + '[queues.keys]\n1 = { queue = "x" }',
            "queues[0].keys.1.queue",
            'there is no queue "x"',
        ),
        (
            ROUTE + QUEUE + 'on_full = { queue = "support" }',
            "queues[0].on_full.queue",
            "is the queue itself",
        ),
        (
            ROUTE + QUEUE + '[[queues.members]]\nname = "a"\ntarget = "sip:1@x"',
            "queues[0].max_calls",
            "stands beside members",
        ),
        (
            ROUTE.replace("support", "people")
            + PEOPLE
            + '[[queues.members]]\nname = "anna"\ntarget = "sip:2@x"',
            "queues[0].members[1].name",
            "is that of another member",
        ),
        (
            '[calls]\nfallback = [{ queue = "x" }]',
            "calls.fallback[0].queue",
            'there is no queue "x"',
        ),
        (
            '[tools]\nbuiltin = ["transfer"]\n[tools.transfer.targets]\na = "queue:x"',
            "tools.transfer.targets.a",
            'there is no queue "x"',
        ),
        (ROUTE + QUEUE + 'when = "office"', "queues[0].when", "there are no [hours.office]"),
        (
            ROUTE + "closed = { hang_up = true }" + QUEUE,
            "routes[0].closed",
            "never counts: there is no `when`",
        ),
        (HOURS, "hours.office", "is not used"),
        (HOURS.replace("Berlin", "Berlim"), "hours.office.zone", "is no time zone"),
        (HOURS.replace("Mo-Fr 08", "Xx 08"), "hours.office.open[0]", "has no day in Xx"),
        (HOURS + 'holidays = ["02-30"]', "hours.office.holidays[0]", "is no date"),
        (HOURS.replace('["Mo-Fr 08:00-18:00"]', "[]"), "hours.office.open", "is empty"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, key: str, what: str) -> None:
    found = problems(tmp_path, text)
    assert any(one.key == key and what in one.what for one in found), found
    assert all(one.fix for one in found)


def test_a_menu_and_a_queue_cannot_both_be_first(tmp_path: Path) -> None:
    menu = '[[menus]]\nname = "main"\nprompt = "sorry"\n[menus.keys]\n1 = { queue = "support" }\n'
    text = ROUTE + 'menu = "main"\n' + QUEUE + menu
    (found,) = problems(tmp_path, text)
    assert found.key == "routes[0].queue"


def test_a_route_with_hours_hides_no_other(tmp_path: Path) -> None:
    text = '[[routes]]\nname = "day"\nwhen = "office"\n[[routes]]\nname = "night"\n' + HOURS
    assert problems(tmp_path, text) == []
