"""The metrics of a real edge with real calls: what they say, and how it is written."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.calls.api import Api, api_config
from support.calls.edge import Edge
from support.calls.scrape import Scrape, get, wait_for
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.prometheus import promtool
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

ORIGIN = {"direction": "incoming", "origin": "peer", "route": "none"}
TALK = np.concatenate([audio.silence(2500), audio.speech("short"), audio.silence(6000)])


def config(**more: Any) -> dict[str, Any]:
    trunk = {"name": "peer", "hosts": ["127.0.0.1"]}
    return {
        "metrics": {"enabled": True, "port": 0},
        "sip": {"accept": "trunks", "max_calls": 1},
        "trunks": [trunk],
        **more,
    }


def test_the_numbers_are_what_has_happened(
    edge_factory: Callable[..., Edge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory(config())
    before = Scrape(edge)
    assert before.value("sipua_calls_active") == 0
    assert before.value("sipua_calls_max") == 1
    assert before.value("sipua_build_info") == 1
    wait_for(edge, "sipua_workers", 2)
    far = far_end(1, TALK)
    call = sipp.start("uac_call", edge.address, media=far, pause_ms=12000)
    edge.wait_event("call.confirmed")
    sipp.run("uac_rejected", edge.address, calls=15, STATUS="486")  # more than are told one by one
    during = wait_for(edge, "sipua_worker_calls", 1)
    assert during.value("sipua_calls_active", **ORIGIN) == 1
    assert during.value("sipua_engine_calls", engine="local") == 1
    assert during.value("sipua_rtp_ports", state="in_use") == 1
    wait_for(edge, "sipua_answer_latency_seconds_count", 1, stage="total")
    wait_until(
        lambda: Scrape(edge).value("sipua_rtp_packets_total", direction="out") > 0, 20, "packets"
    )
    assert not edge.events(name="call.ended")  # while it runs
    assert call.wait().ok
    ended = edge.wait_event("call.ended")
    sent, streams = ended["rtp"]["sent"], ended["rtp"]["streams"]
    received = sum(stream["received"] for stream in streams)
    wait_for(edge, "sipua_rtp_packets_total", received, direction="in")
    wait_for(edge, "sipua_worker_calls", 0)
    wait_for(edge, "sipua_cdr_sink_lag_seconds", 0, sink="sqlite")
    # That the refusals beyond the tenth were counted comes with the next line, or within 10 s.
    after = wait_for(edge, "sipua_calls_refused_total", 15, status="486")
    expected: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
        ("sipua_calls_total", (*ORIGIN.items(), ("status", "completed"), ("fault", "none"))): 1,
        ("sipua_calls_total", ()): 1,
        ("sipua_call_ends_total", (("by", "caller"), ("reason", "hangup"))): 1,
        ("sipua_calls_active", ()): 0,
        ("sipua_engine_calls", ()): 0,
        ("sipua_call_setup_seconds_count", (("direction", "incoming"),)): 1,
        ("sipua_call_setup_seconds_count", (("direction", "outgoing"),)): 0,
        ("sipua_talk_seconds_count", ()): 1,
        ("sipua_talk_seconds_sum", ()): ended["duration_s"],
        ("sipua_answer_to_first_audio_seconds_count", ()): 1,
        ("sipua_media_negotiated_total", (("codec", "PCMU"),)): 1,
        ("sipua_rtp_packets_total", (("direction", "out"),)): sent,
        ("sipua_rtp_packets_lost_total", (("direction", "in"),)): 0,
        ("sipua_rtp_packets_late_total", ()): 0,
        ("sipua_rtp_loss_ratio_count", ()): 1,
        ("sipua_rtp_ports", (("state", "resting"),)): 1,
        ("sipua_engine_connections_total", (("engine", "local"), ("result", "ok"))): 1,
        ("sipua_engine_connections_total", (("engine", "local"), ("result", "failed"))): 0,
        ("sipua_cdr_sink_behind_bytes", ()): 0,
        ("sipua_worker_deaths_total", ()): 0,
        ("sipua_draining", ()): 0,
    }
    found = {(name, labels): after.value(name, **dict(labels)) for name, labels in expected}
    assert found == expected
    at_least = {
        "sipua_pacer_late_seconds_count": 100,
        "sipua_loop_lag_seconds_count": 20,
        "sipua_cpu_seconds_total": 0.01,
        "sipua_memory_bytes": 10_000_000,
        "sipua_descriptors": 5,
        "sipua_tasks": 1,
    }
    worker = f"worker-{edge.worker_of(ended['call_id'])}"
    for name, least in at_least.items():
        assert after.value(name, process=worker) >= least, name
        if name != "sipua_pacer_late_seconds_count":  # the edge has none
            assert after.value(name, process="edge") >= least, name
    assert not [sample for sample in after.samples if "other" in sample.labels.values()]


def test_a_worker_that_dies_takes_nothing_back(
    edge_factory: Callable[..., Edge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory(config())
    sipp.start("uac_call_ended_by_peer", edge.address, media=far_end(1, TALK))
    call_id = edge.wait_event("call.confirmed")["call_id"]
    wait_for(edge, "sipua_worker_calls", 1)
    before = {(s.name, tuple(s.labels.items())): s.value for s in Scrape(edge).samples}
    os.kill(edge.worker_pid(edge.worker_of(call_id)), signal.SIGKILL)
    edge.wait_event("worker.ready", count=3)
    wait_for(edge, "sipua_worker_deaths_total", 1)
    after = wait_for(edge, "sipua_workers", 2)
    assert after.value("sipua_calls_total", **ORIGIN, status="completed", fault="edge") == 1
    assert after.value("sipua_call_ends_total", by="edge", reason="worker_died") == 1
    assert after.value("sipua_calls_active") == 0
    assert after.value("sipua_engine_calls") == 0
    for sample in after.samples:
        if sample.name.endswith(("_total", "_bucket", "_count", "_sum")):
            assert sample.value >= before.get((sample.name, tuple(sample.labels.items())), 0)


def test_both_forms_are_good_and_the_api_has_them_for_a_token(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    edge = edge_factory(config(api=api_config()))
    sipp.run("uac_call", edge.address, pause_ms=300)
    edge.wait_event("call.ended")
    media_type, text = get(edge, "text/plain")
    assert media_type == "text/plain; version=0.0.4; charset=utf-8"
    plain = {one.name: one.type for one in text_string_to_metric_families(text)}
    assert (plain["sipua_calls"], plain["sipua_talk_seconds"]) == ("counter", "histogram")
    assert promtool("check", "metrics", given=text.encode()) == ""
    Scrape(edge)  # the other form
    api = Api(edge)
    reply = api.ask("GET", "/metrics", right="readonly")
    assert (reply.status, reply.headers["content-type"]) == (200, media_type)
    assert _series(reply.body.decode()) == _series(text)
    openmetrics = api.ask("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
    assert openmetrics.body.endswith(b"# EOF\n")
    assert api.ask("GET", "/metrics", right="").status == 401


def test_a_reload_brings_its_names_along(edge_factory: Callable[..., Edge], sipp: Sipp) -> None:
    edge = edge_factory(config())
    first = next(one for one in Scrape(edge).samples if one.name == "sipua_config_info")
    edge.write(config(routes=[{"name": "sales"}]))
    os.kill(edge.process.pid, signal.SIGHUP)
    edge.wait_event("config.reloaded")
    sipp.run("uac_call", edge.address, pause_ms=300)
    edge.wait_event("call.ended")
    after = wait_for(edge, "sipua_calls_total", 1, route="sales", status="completed")
    assert after.value("sipua_config_reloads_total", result="ok") == 1
    (now,) = (one for one in after.samples if one.name == "sipua_config_info")
    assert now.labels["hash"] != first.labels["hash"]


def test_without_metrics_the_api_says_so(edge_factory: Callable[..., Edge]) -> None:
    reply = Api(edge_factory({"api": api_config()})).ask("GET", "/metrics")
    assert (reply.status, reply.kind) == (404, "not-found")


def _series(text: str) -> set[str]:
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}
