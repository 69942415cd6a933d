"""Traces: what the configuration takes, and what it says about it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.config.checks import traces as checks
from sipua.config.sections.config import Config
from sipua.edge.wiring import traces, wiring


def config(**keys: Any) -> Config:
    return Config.model_validate({"traces": {"enabled": True, **keys}})


def found(of: Config) -> list[tuple[str, str]]:
    """The key and the severity of each finding."""
    return [(str(one.paths[0][-1]), one.severity) for one in checks.traces(of)]


def test_off_by_default() -> None:
    assert traces.traces(Config()) is None
    assert wiring.trace(Config(), "c-1") is None
    assert found(Config()) == []
    assert found(config()) == []


def test_without_the_extra_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ModuleNotFoundError

    for find in (missing, lambda _: None):
        monkeypatch.setattr(checks, "find_spec", find)
        (finding,) = checks.traces(config())
        assert (finding.severity, finding.fix) == ("error", "pip install 'sipua[otel]'")
        assert found(Config()) == []


def test_what_crosses_the_network_in_the_clear_is_told() -> None:
    url = "http://collector.example.com:4318"
    assert found(config(endpoint=url)) == []
    assert found(config(endpoint=url, private=True)) == [("endpoint", "warning")]
    assert found(config(endpoint=url, headers={"x": "secret-1"})) == [("endpoint", "warning")]
    assert found(config(endpoint="http://[::1]:4318", private=True)) == []
    assert found(config(ca_file="/does/not/exist")) == [("ca_file", "error")]


def test_a_trunk_that_may_say_its_trace_while_none_is_written() -> None:
    trunk = {"name": "inside", "hosts": ("192.0.2.1",), "traceparent": True}
    given = Config.model_validate({"trunks": (trunk,)})
    assert found(given) == [("traceparent", "warning")]
    assert wiring.admission(given, 4).traced == frozenset()
    given = Config.model_validate({"trunks": (trunk,), "traces": {"enabled": True}})
    assert wiring.admission(given, 4).traced == {"inside"}


@pytest.mark.parametrize(
    ("endpoint", "whole"),
    [
        ("http://h:4318", "http://h:4318/v1/traces"),
        ("http://h:4318/", "http://h:4318/v1/traces"),
        ("https://h/otlp/v1/traces", "https://h/otlp/v1/traces"),
        ("https://h/api?key=1", "https://h/api?key=1"),
    ],
)
def test_the_path_of_the_standard_where_there_is_none(endpoint: str, whole: str) -> None:
    assert traces.endpoint(endpoint) == whole


@pytest.mark.parametrize(
    "keys",
    [
        {"sample": 1.01},
        {"sample": -0.1},
        {"sample": float("nan")},
        {"endpoint": "grpc://h:4317"},
        {"endpoint": "http://user:secret@h"},
        {"service_name": ""},
        {"resource": {"Bad Name": "x"}},
        {"resource": {"a": ""}},
        {"resource": {"a": "two\nlines"}},
        {"resource": {f"a{number}": "x" for number in range(65)}},
        {"headers": {"bad name": "x"}},
        {"timeout_s": 0},
    ],
)
def test_what_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(**keys)


def test_the_resource_says_which_edge_it_is() -> None:
    given = config(service_name="calls", resource={"deployment.environment.name": "test"})
    settings = traces.traces(given)
    assert settings is not None
    assert settings.resource["service.name"] == "calls"
    assert settings.resource["service.instance.id"] == wiring.node(given)
    assert settings.resource["deployment.environment.name"] == "test"
    assert "secret-1" not in repr(traces.traces(config(headers={"x": "secret-1"})))
