"""The page with more calls than a test can make, and with texts that no honest peer sends."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from support.calls.api import Api
from support.calls.crowded_api import CrowdedApi, Event, answered, ended, incoming
from support.calls.page import rows, sign_in, wait_rows
from support.peers.chromium import Chromium, Tab
from support.process import wait_until

pytestmark = pytest.mark.peer

MARKUP = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
TURNED = "\u202e4321\u202c\u0000\u200b"
HOSTILE = (
    f"sip:{MARKUP}@evil.example",
    f'"{MARKUP}" <sip:x@y>',
    "javascript:window.hit=1",
    "{{constructor.constructor('window.hit=1')()}}",
    f"sip:{TURNED}@evil.example",
    "x" * 20_000,
)
LONG_TASKS = """
window.longTasks = [];
const take = (list) => window.longTasks.push(...list.getEntries().map((one) => one.duration));
new PerformanceObserver(take).observe({ type: "longtask" });
"""


@pytest.fixture
def crowd() -> Iterator[CrowdedApi]:
    api = CrowdedApi()
    yield api
    api.close()


def names(count: int) -> list[str]:
    return [f"c-{number:08x}" for number in range(count)]


def test_a_thousand_calls_change_and_the_page_does_not_stutter(crowd: CrowdedApi, tab: Tab) -> None:
    chance = random.Random(11)
    calls = names(1000)
    for name in calls:
        crowd.tell(answered(name))
    sign_in(tab, crowd.url)
    tab.wait_text(".tools .count", "1000")
    in_sight = len(rows(tab))
    assert 20 <= in_sight <= 80  # of a thousand
    tab.ask(LONG_TASKS)
    told = 0
    while told < 8000:
        news: list[Event] = []
        for name in chance.sample(calls, 50):
            told += 2
            news.append(("turn.caller", name, {"turn": 1, "item": "i", "start_ms": 1, "end_ms": 2}))
            latency = {"turn": 1, "of": "caller", "total_ms": chance.randrange(300, 3000)}
            news.append(("turn.latency", name, latency))
        crowd.tell(news)
        tab.press("j")  # a question to the page, so that it is not ahead of it
    last = calls[0]
    crowd.tell([("turn.latency", last, {"turn": 2, "of": "caller", "total_ms": 4711})])
    tab.press("/")
    tab.type(last)
    tab.press("Enter")
    wait_rows(tab, 1)
    tab.wait_text(".grid .cell", "4711")
    long_tasks = tab.ask("window.longTasks")
    print(f"tasks of more than 50 ms while {told} events came: {long_tasks}")
    # A machine that does other things at the same time makes some: the page alone makes none. One
    # that stuttered would have one for each of the 80 times that it was told.
    assert len(long_tasks) <= 20, long_tasks


def test_what_peers_say_never_becomes_markup(crowd: CrowdedApi, tab: Tab) -> None:
    sign_in(tab, crowd.url)
    for number, text in enumerate(HOSTILE):
        name = f"c-evil{number}"
        crowd.tell(answered(name, **{"from": text, "to": text, "route": text, "origin": text}))
        crowd.tell(
            [
                ("turn.caller", name, {"turn": 1, "item": "i", "start_ms": 10, "end_ms": 900}),
                ("turn.text", name, {"who": "caller", "turn": 1, "item": "i", "text": text}),
                ("tool.called", name, {"tool": text, "tool_call_id": text}),
                ("engine.outage", name, {"engine": text, "cause": text}),
                (
                    "call.rejected",
                    "",
                    {
                        "status": 403,
                        "reason": text,
                        "sip_call_id": text,
                        "from": text,
                        "to": text,
                        "source": text,
                        "cause": text,
                    },
                ),
                (
                    "registration.failed",
                    "",
                    {
                        "account": text,
                        "registrar": text,
                        "status": 403,
                        "reason": text,
                        "retry_in_s": None,
                        "fix": text,
                    },
                ),
                ("worker.died", "", {"worker": 1, "cause": text, "deaths": 1}),
                ("call.steered", name, {"act": text, "by": text, "status": text}),
            ]
        )
    wait_rows(tab, len(HOSTILE))
    for number in range(len(HOSTILE)):
        tab.ask(f"location.hash = '#/call/c-evil{number}'")
        tab.wait_text(".who .state", "active")
        tab.wait("document.querySelector('.words .said')", "the words")
        tab.ask("document.querySelector('.timeline title')?.textContent")
    for view in "12345":
        tab.press(view)
        tab.wait(
            f"document.querySelectorAll('nav button')[{view} - 1].matches('[aria-current]')",
            "the view",
        )
    tab.press("1", "j", "x")
    tab.wait("document.querySelector('dialog')", "the question")
    tab.press("Escape")
    assert tab.ask("window.hit") is None
    assert tab.ask("document.querySelectorAll('img, main script, iframe, main a').length") == 0
    turned = "\\u202e\\u202c\\u200b\\u0000"
    assert not tab.ask(f"/[{turned}]/.test(document.body.textContent)")
    tab.ask("location.hash = '#/call/<img src=x onerror=window.hit=1>'")
    tab.wait("document.querySelector('.grid')", "the table: that is no call")
    assert tab.ask("window.hit") is None


def test_the_page_says_that_it_is_cut_off_and_comes_back(crowd: CrowdedApi, tab: Tab) -> None:
    crowd.tell(answered("c-1"))
    sign_in(tab, crowd.url)
    wait_rows(tab, 1)
    tab.wait_text(".link", "live")
    crowd.shut()
    tab.wait_text(".link", "lost")
    crowd.open()  # another run for the page: what it has is not known any more
    crowd.edge.calls.clear()
    crowd.tell(answered("c-2", route="second"))
    tab.wait_text(".link", "live", 40)
    tab.wait_text(".grid .cell", "second", 40)
    wait_rows(tab, 1)
    tab.press("j", "Enter")
    assert tab.ask("location.hash") == "#/call/c-2"
    crowd.tell([ended("c-2")])
    tab.wait_text(".who .state", "completed")


def test_events_that_were_missed_meanwhile_come_after_all(crowd: CrowdedApi, tab: Tab) -> None:
    crowd.tell(answered("c-1"))
    sign_in(tab, crowd.url)
    wait_rows(tab, 1)
    tab.offline(is_offline=True)
    tab.wait_text(".link", "the edge cannot be reached", 20)
    crowd.tell([("turn.latency", "c-1", {"turn": 1, "of": "caller", "total_ms": 815})])
    crowd.tell([incoming("c-2")])
    tab.offline(is_offline=False)
    wait_rows(tab, 2)
    tab.wait_text(".grid .cell", "815")
    tab.wait_text(".link", "live")


def test_what_went_wrong_before_is_shown_and_a_flood_puts_nothing_off(
    crowd: CrowdedApi, tab: Tab
) -> None:
    died = {"worker": 1, "cause": "killed by signal 9", "deaths": 1}
    crowd.tell([("worker.died", "", died), *answered("c-1")])
    crowd.tell([ended("c-1", end={"by": "edge", "reason": "engine_lost", "fault": "engine"})])
    sign_in(tab, crowd.url)
    tab.wait_text("nav button", "2 new")
    tab.press("4")
    wait_rows(tab, 2)
    assert "fault: engine" in rows(tab)[0]
    assert "killed by signal 9" in rows(tab)[1]
    tab.press("2")
    refused = {
        "status": 403,
        "reason": "Forbidden",
        "sip_call_id": "x@y",
        "source": "192.0.2.9:5060",
    }

    def told() -> bool:
        """Events that make the page look again come without a pause, and it does look."""
        crowd.tell([("call.rejected", "", {**refused, "from": "sip:1@x", "to": "sip:2@y"})])
        return any(re.match(r"Refusals \d", one) for one in tab.texts("nav button"))

    wait_until(told, 20, "the count of refusals")


def test_the_filter_and_the_order(crowd: CrowdedApi, tab: Tab) -> None:
    for number, wait_ms in enumerate((900, 2500, 1700)):
        name = f"c-{number}"
        crowd.tell(answered(name, route="sales" if number else "support"))
        crowd.tell([("turn.latency", name, {"turn": 1, "of": "caller", "total_ms": wait_ms})])
    sign_in(tab, crowd.url)
    wait_rows(tab, 3)
    tab.press("/")
    tab.type("wait>1000 route:sales")
    wait_rows(tab, 2)
    tab.wait_text(".tools .count", "2 of 3")
    tab.press("Enter", "Escape")
    wait_rows(tab, 3)
    tab.ask(
        "[...document.querySelectorAll('.grid .head button')]"
        ".find((one) => one.textContent.startsWith('Wait')).click()"
    )
    wait_until(lambda: "2500" in rows(tab)[0] and "900" in rows(tab)[2], 10, "the order")
    assert tab.ask("document.querySelector('[aria-sort=descending]').textContent").startswith(
        "Wait"
    )
    tab.press("?")
    tab.wait_text("dialog dd", "Hang up")


@pytest.mark.parametrize("width", [390, 1600])
def test_nothing_runs_over_the_edge_of_the_screen(crowd: CrowdedApi, tab: Tab, width: int) -> None:
    tab.size(width, 844)
    for name in names(40):
        crowd.tell(answered(name))
    sign_in(tab, crowd.url)
    tab.wait_text(".tools .count", "40")
    tab.press("j", "Enter")
    tab.wait_text(".who .state", "active")
    for view in ("", "2", "3", "4", "5"):
        if view:
            tab.press(view)
        widths = "['html', 'main'].map((one) => document.querySelector(one).scrollWidth)"
        assert max(tab.ask(widths)) <= width, view


def test_what_has_the_focus_has_a_name(crowd: CrowdedApi, tab: Tab) -> None:
    crowd.tell(answered("c-1"))
    sign_in(tab, crowd.url)
    wait_rows(tab, 1)
    for view in ("1", "2", "3", "4", "5"):
        tab.press(view)
        assert nameless(tab) == []
    tab.press("1", "j", "Enter")
    tab.wait_text(".who .state", "active")
    assert nameless(tab) == []
    tab.press("t")
    assert nameless(tab) == []
    tab.press("Escape")


def nameless(tab: Tab) -> list[str]:
    """What can be used, by the browser's own account, and has no name for those who cannot see."""
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "textbox", "searchbox", "checkbox", "combobox", "link", "grid", "dialog"}
    return [
        str(one)
        for one in tree
        if not one.get("ignored")
        and one["role"]["value"] in used
        and not one.get("name", {}).get("value")
    ]


def test_a_token_that_is_taken_away_ends_the_session(crowd: CrowdedApi, tab: Tab) -> None:
    sign_in(tab, crowd.url)
    tab.ask("sessionStorage.setItem('sipua.token', 'another-one-that-is-not-right')")
    tab.open(crowd.url)
    tab.wait("document.getElementById('token')", "the field of the token")
    assert tab.ask("sessionStorage.length") == 0


def test_dark_and_light(crowd: CrowdedApi, chromium: Chromium, tab: Tab) -> None:
    back = "getComputedStyle(document.documentElement).backgroundColor"
    tab.scheme("dark")
    sign_in(tab, crowd.url)
    dark = tab.ask(back)
    tab.scheme("light")
    light = tab.ask(back)
    assert dark != light
    tab.ask("document.querySelector('[aria-label=\"Dark or light\"]').click()")
    assert tab.ask(back) == dark
    tab.open(crowd.url)
    tab.wait("document.querySelector('.grid')", "the table of calls")
    assert tab.ask(back) == dark


def test_its_api_says_who_asks(crowd: CrowdedApi) -> None:
    api = Api.__new__(Api)
    api.port = crowd.port
    assert api.get("/v1/token", right="operator") == {"name": "operator", "right": "operator"}
    page = api.ask("GET", "/", right="")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert api.ask("GET", "/page/../openapi.json", right="").status == 401
    assert (
        api.ask("GET", "/page/main.js", right="")
        .headers["content-type"]
        .startswith("text/javascript")
    )
