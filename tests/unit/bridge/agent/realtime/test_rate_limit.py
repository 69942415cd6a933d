from sipua.bridge.agent.realtime.rate_limit import RateLimit


def test_tokens_are_used_up_and_come_back_over_a_minute() -> None:
    limit = RateLimit(600)
    limit.spend(450, 100.0)
    assert limit.view(100.0) == [
        {"name": "tokens", "limit": 600, "remaining": 150, "reset_seconds": 45.0}
    ]
    limit.spend(450, 100.0)
    assert limit.exhausted(100.0)
    assert limit.view(100.0)[0]["remaining"] == 0
    assert limit.exhausted(130.0)
    assert not limit.exhausted(130.2)
    assert limit.view(500.0)[0]["remaining"] == 600


def test_without_a_limit_there_is_always_enough() -> None:
    limit = RateLimit(0)
    limit.spend(10**9, 1.0)
    assert not limit.exhausted(1.0)
    assert limit.view(1.0)[0]["reset_seconds"] == 0
