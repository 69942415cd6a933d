"""The page on a real edge with real calls, used with the keyboard."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from support.calls.api import TOKENS, Api, api_config
from support.calls.edge import Edge
from support.calls.page import rows, sign_in, wait_rows
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.chromium import Tab
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = pytest.mark.peer

NO_QUESTION = "!document.querySelector('dialog')"
Edges = Callable[..., Edge]
Ends = Callable[..., RtpFarEnd]


def test_a_call_is_seen_steered_and_ended_with_the_keyboard(
    edge_factory: Edges, sipp: Sipp, far_end: Ends, tab: Tab, tmp_path: object
) -> None:
    edge = edge_factory(
        {
            "api": api_config(),
            "record": {
                "enabled": True,
                "directory": f"{tmp_path}/records",
                "transcripts": "full",
                "numbers": "full",
            },
        }
    )
    api = Api(edge)
    sign_in(tab, api.url)
    tab.wait_text(".bar", "admin (admin)")
    tab.wait_text(".link", "live")
    tab.wait_text(".grid .empty", "No calls.")
    end = far_end(1, audio.silence(12_000))
    call = sipp.start("uac_call_ended_by_peer", edge.address, media=end)
    wait_rows(tab, 1)
    tab.wait_text(".grid .cell", "active")
    (row,) = rows(tab)
    assert "caller@127.0.0.1" in row
    assert "PCM" in row

    tab.press("j", "Enter")
    call_id = str(tab.ask("location.hash")).rpartition("/")[2]
    assert api.get(f"/v1/calls/{call_id}")["state"] == "active"
    tab.wait_text(".who .state", "active")
    tab.wait_text("table td", "call.answered")
    tab.wait("document.querySelector('.timeline .span.agent')", "the greeting in the picture")
    tab.wait_text(".words .said", "Hello")
    tab.wait("document.querySelector('.plot .line')", "a plot of its quality", 30)
    tab.wait_text("section[aria-label=Quality] td", "received")

    tab.press("s")
    tab.type("You are through to sales.")
    tab.ask("document.querySelector('dialog form').requestSubmit()")
    steered = edge.wait_event("call.steered", call_id=call_id)
    assert (steered["act"], steered["by"]) == ("say", "admin")
    assert steered["status"] in ("done", "accepted")
    tab.wait_text(".message", "Said")

    tab.press("x", "Escape")  # no: it goes on
    tab.wait(NO_QUESTION, "the end of the question")
    assert api.get(f"/v1/calls/{call_id}")["state"] == "active"
    tab.press("x", "Enter")
    assert call.wait().ok
    tab.wait_text(".who .state", "completed")
    tab.wait_text("dd", "operator: operator_hangup")
    tab.wait_text("section[aria-label=Record] td", "answered")
    tab.press("Escape")
    wait_rows(tab, 0)
    tab.press("e")
    wait_rows(tab, 1)
    assert "operator: operator_hangup" in rows(tab)[0]


def test_its_signalling_is_drawn_and_no_header_becomes_markup(
    edge_factory: Edges, sipp: Sipp, tab: Tab
) -> None:
    evil = "<img src=x onerror=window.hit=1>"
    carrier = {"name": "carrier", "hosts": [LOOPBACK], "trust_identity": True}
    edge = edge_factory({"api": api_config(), "record": {"numbers": "full"}, "trunks": [carrier]})
    sign_in(tab, Api(edge).url)
    asserted = f'P-Asserted-Identity: "{evil}" <sip:+4930123@carrier.example>'
    call = sipp.start(
        "uac_call",
        edge.address,
        pause_ms=12_000,
        HEADERS=f"X-Evil: {evil}\nSubject: {evil}\n{asserted}",
    )
    wait_rows(tab, 1)
    assert "| +4930123 |" in rows(tab)[0]
    tab.press("j", "Enter")
    tab.wait_text("dd", f"{evil} +4930123 (P-Asserted-Identity)")
    tab.wait_text(".ladder", "ACK")
    labels = tab.texts(".ladder .rung .label")
    assert labels[0] == "INVITE (SDP)"
    assert labels[-2:] == ["200 OK  INVITE (SDP)", "ACK"]
    sent = [one.first_line for one in call.wait().messages if one.sent]
    assert sent[-1].startswith("BYE")
    tab.wait_text(".ladder", "BYE")

    def opened() -> bool:
        if any(f"X-Evil: {evil}" in text for text in tab.texts("pre.text")):
            return True
        # A drawing that came meanwhile takes the focus away.
        tab.ask("document.querySelector('.ladder .rung').focus()")
        tab.press("Enter")
        time.sleep(0.2)
        return False

    wait_until(opened, 20, "the text of the INVITE")
    assert tab.ask("document.querySelectorAll('img').length") == 0
    assert tab.ask("window.hit") is None


def test_the_configuration_is_shown_and_reloaded(edge_factory: Edges, tab: Tab) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    sign_in(tab, api.url)
    tab.press("5")
    config = api.get("/v1/config")
    tab.wait_text("section[aria-label=Configuration]", config["hash"])
    tab.wait_text(".bar", config["hash"])
    tab.ask("document.querySelector('[data-act=reload]').click()")
    tab.wait_text("dialog h2", "Nothing has changed.")
    tab.press("Enter")
    tab.wait_text(".message", f"Reloaded: {config['hash']}")


def test_servers_of_trunks_are_shown(edge_factory: Edges, tab: Tab) -> None:
    servers = [{"uri": "sip:127.0.0.1:9"}, {"uri": "sip:127.0.0.2:9"}]
    trunk = {"name": "carrier", "servers": servers, "options_s": 300}
    edge = edge_factory({"api": api_config(), "trunks": [trunk]})
    edge.wait_event("trunk.down", count=2)
    sign_in(tab, Api(edge).url)
    tab.press("2")
    tab.wait_text("section[aria-label=Trunks] .bad", "sip:127.0.0.1:9 (down, no answer to OPTIONS")
    tab.wait_text("section[aria-label=Trunks] tbody", "sip:127.0.0.2:9 (down")


def test_drained_and_taken_back(edge_factory: Edges, sipp: Sipp, tab: Tab) -> None:
    edge = edge_factory({"api": api_config()})
    sign_in(tab, Api(edge).url)
    tab.press("5")
    tab.wait_text("section[aria-label=Drain]", "takes calls")
    tab.wait_text("section[aria-label=Workers] td", "ready")
    tab.press("D", "Escape")
    tab.wait(NO_QUESTION, "the end of the question")
    assert not edge.events(name="edge.draining")
    tab.press("D")
    tab.ask("document.querySelector('dialog form').requestSubmit()")
    edge.wait_event("edge.draining")
    tab.wait_text(".notice", "Draining: no new calls are taken. 0 calls are left.")
    refused = sipp.start("uac_rejected", edge.address, STATUS="503")
    assert refused.wait(check=False).received("SIP/2.0 503")
    tab.press("3")
    wait_rows(tab, 1)
    assert "503" in rows(tab)[0]
    tab.press("5", "D")
    edge.wait_event("edge.drain_ended")
    tab.wait_text("section[aria-label=Drain]", "takes calls")


def test_without_a_right_token_nothing_is_shown(edge_factory: Edges, tab: Tab) -> None:
    edge = edge_factory({"api": api_config()})
    api = Api(edge)
    tab.open(api.url)
    for token, words in (
        ("not ascii: ü", "ASCII"),
        ("x" * 48, "No token is like it."),
    ):
        tab.ask("document.getElementById('token').value = ''")
        tab.ask("document.getElementById('token').focus()")
        tab.type(token)
        tab.press("Enter")
        tab.wait_text(".fault", words)
    assert tab.ask("sessionStorage.length") == 0
    assert all(" 401 " in one for one in tab.denied)
    tab.ask("document.getElementById('token').value = ''")
    tab.type(TOKENS["readonly"])
    tab.press("Enter")
    tab.wait_text(".bar", "readonly (readonly)")
    assert tab.ask(
        "performance.getEntriesByType('resource').every((one) => !one.name.includes('?token'))"
    )
    assert TOKENS["readonly"] not in tab.ask("location.href + document.documentElement.outerHTML")
    tab.open(api.url)  # it is remembered in this tab
    tab.wait_text(".bar", "readonly (readonly)")
    tab.ask("[...document.querySelectorAll('.bar button')].at(-1).click()")
    tab.wait("document.getElementById('token')", "the field of the token")
    assert tab.ask("sessionStorage.length") == 0


def test_what_a_token_may_not_do_is_not_offered(edge_factory: Edges, sipp: Sipp, tab: Tab) -> None:
    edge = edge_factory({"api": api_config()})
    sign_in(tab, Api(edge).url, "readonly")
    call = sipp.start("uac_call", edge.address, pause_ms=60_000)
    wait_rows(tab, 1)
    tab.press("j", "x")
    tab.press("Enter")
    tab.wait_text(".who .state", "active")
    assert tab.texts(".who .acts button") == []
    tab.press("x", "s", "h")
    assert not tab.ask("Boolean(document.querySelector('dialog'))")
    tab.press("5", "D")
    assert "Drain …" not in tab.text("section[aria-label=Drain]")
    assert not edge.events(name="call.steered")
    call.stop()
