"""S23: what is known of the engines."""

from __future__ import annotations

from sipua.edge.engine_health import AGAIN_S, EngineHealth


def test_S23_nothing_is_missing_before_anything_was_tried() -> None:
    assert EngineHealth({"openai"}).missing_s(5.0) == 0.0
    assert EngineHealth(()).missing_s(5.0) == 0.0


def test_S23_a_failure_counts_for_its_time_and_a_success_ends_it() -> None:
    health = EngineHealth({"openai"})
    health.tried("openai", reached=False, now=10.0)
    assert health.missing_s(15.0) == AGAIN_S - 5.0
    assert health.missing_s(10.0 + AGAIN_S) == 0.0
    health.tried("openai", reached=False, now=50.0)
    health.tried("openai", reached=True, now=51.0)
    assert health.missing_s(51.0) == 0.0


def test_S23_one_engine_that_may_be_there_is_enough() -> None:
    health = EngineHealth({"openai", "local"})
    health.tried("openai", reached=False, now=10.0)
    assert health.missing_s(10.0) == 0.0
    health.tried("local", reached=False, now=20.0)
    assert health.missing_s(20.0) == AGAIN_S - 10.0  # the first may be back by then
    health.tried("of another purpose", reached=True, now=20.0)
    assert health.missing_s(20.0) > 0.0
