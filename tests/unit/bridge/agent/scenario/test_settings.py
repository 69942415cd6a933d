from typing import Any

import pytest

from sipua.bridge.agent.scenario.settings import AgentSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "shout"),
        ("speed", 0.0),
        ("port", 70_000),
        ("delta_ms", 0),
        ("threshold", 1.5),
        ("silence_ms", -1),
        ("max_sessions", 0),
    ],
)
def test_a_bad_value_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"agent {name} = {value!r}"):
        AgentSettings(**{name: value})
