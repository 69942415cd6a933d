"""A real Prometheus that scrapes a real edge: the files of configs/observability at work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.calls.hook_receiver import SECRET
from support.calls.hook_server import HookServer, answer
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.prometheus import CONFIGS, Prometheus, promtool
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

DOCS = Path(__file__).parents[3] / "docs"
PANELS = [
    panel for panel in json.loads((CONFIGS / "dashboard.json").read_text())["panels"]
    if panel["type"] != "row"
]  # fmt: skip
# Panels whose share has nothing to divide by here: no RTCP comes from SIPp's far end.
EMPTY = {"histogram_quantile(0.95, sum by (le) (rate(sipua_rtp_round_trip_seconds_bucket"}
TALK = np.concatenate([audio.silence(2500), audio.speech("short"), audio.silence(3000)])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prometheus")


@pytest.fixture(scope="module")
def prometheus(home: Path) -> Iterator[Prometheus]:
    """It has scraped an edge with a few calls: answered, refused, one without an engine."""
    secret = home / "crm.secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    with HookServer([answer(200)]) as server:
        hook = {"name": "crm", "url": f"{server.url}/hook", "types": ["call.*"]}
        hook |= {"secret_file": secret, "allow": ["127.0.0.1", "::1"]}
        config: dict[str, Any] = {
            "metrics": {"enabled": True, "port": 0},
            "sip": {"accept": "trunks", "max_calls": 2},
            "trunks": [{"name": "peer", "hosts": ["127.0.0.1"], "proxy": "sip:127.0.0.1:9"}],
            "accounts": [
                {"name": "pbx", "registrar": "sip:127.0.0.1:9", "user": "1", "password": "x"}
            ],
            "webhooks": [hook],
            "webhook_spool": {"directory": home / "spool"},
        }
        edge = Edge(home / "edge", config)
        sipp = Sipp(home / "sipp")
        url = str(edge.wait_event("metrics.listening")["url"])
        scraper = Prometheus(home / "prometheus", [url.split("/")[2]])
        try:
            scrapes = "count_over_time(up[1m])"  # a rise is seen by two
            wait_until(lambda: (scraper.value(scrapes) or 0) > 1, 20, "the first scrapes")
            _talk(edge, sipp, home)
            _talk(edge, sipp, home)
            wait_until(
                lambda: scraper.value('sum(sipua_calls_total{status="completed"})') == 2,
                20,
                "the end of both calls",
            )
            yield scraper
        finally:
            scraper.close()
            sipp.close()
            edge.close()


def _talk(edge: Edge, sipp: Sipp, home: Path) -> None:
    folder = home / f"far-{len(list(home.glob('far-*')))}"
    folder.mkdir()
    with RtpFarEnd(folder, 1, TALK) as far_end:
        call = sipp.start("uac_call", edge.address, media=far_end, pause_ms=7000)
        assert call.wait().ok


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_each_panel_shows_something(prometheus: Prometheus, panel: dict[str, Any]) -> None:
    """And no panel only something that is not a number."""
    for target in panel["targets"]:
        query = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m")
        assert "$" not in query
        found = prometheus.query(query)
        assert found, query
        if not any(target["expr"].startswith(empty) for empty in EMPTY):
            assert any(sample["value"][1] != "NaN" for sample in found), query
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert all(label in sample["metric"] for sample in found), query


def test_the_rules_run_and_ask_for_what_is_there(prometheus: Prometheus) -> None:
    """A misspelt name would be an alert that never comes."""
    rules = wait_until(
        lambda: [rule for rule in prometheus.rules() if rule["health"] == "ok"], 20, "the rules"
    )
    assert len(rules) == (CONFIGS / "rules.yml").read_text().count("- alert:")
    for rule in rules:
        for name in set(re.findall(r"\b(?:sipua_\w+|up)\b", rule["query"])):
            assert prometheus.query(name), f"{rule['name']}: there is no {name}"
            labels = {label for one in prometheus.query(name) for label in one["metric"]}
            asked = re.search(rf"{name}\{{(.*?)\}}", rule["query"])
            wanted = set(re.findall(r"(\w+)=", asked[1])) if asked else set()
            assert wanted <= labels, rule["query"]
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert not firing & {"SipuaDown", "SipuaNoWorker", "SipuaCallsFail", "SipuaAudioLate"}
    states = {rule["name"]: rule["state"] for rule in rules}
    assert states["SipuaNotRegistered"] in ("pending", "firing")  # its registrar is not there


def test_promtool_takes_the_files_and_proves_the_alerts() -> None:
    assert "SUCCESS" in promtool("check", "rules", "rules.yml")
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")
    tests = (CONFIGS / "rules_test.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", (CONFIGS / "rules.yml").read_text())
    assert [name for name in alerts if f'alertname="{name}"' not in tests] == []


def test_each_alert_says_what_to_do_and_where_to_read_more() -> None:
    """The page's headings are the alerts, in their order."""
    text = (CONFIGS / "rules.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", text)
    assert re.findall(r"^\s+runbook: (.*)$", text, re.MULTILINE) == [
        f"docs/operations.md#{name.lower()}" for name in alerts
    ]
    assert text.count(" summary:") == text.count(" do:") == len(alerts)
    page = (DOCS / "operations.md").read_text()
    assert re.findall(r"^### (Sipua\w+)$", page, re.MULTILINE) == alerts
