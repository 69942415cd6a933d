"""Routes that forward: what the configuration takes, and what it says about it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sipua.calls import routes as profiles
from sipua.calls.profile import Forward
from sipua.config import Config
from sipua.config.checks.routes import routes

BOT = "sip:bot@sip.example.com"
TRUNK = {"name": "vendor", "hosts": ("192.0.2.10",), "proxy": "sip:192.0.2.10"}
INSIDE = {"name": "inside", "hosts": ("192.0.2.20",)}


def config(key: dict[str, Any] | None = None, **keys: Any) -> Config:
    menus = ({"name": "main", "prompt": "sorry", "keys": {"1": key}},) if key else ()
    route = {"name": "away", "called": ("1",), **keys}
    return Config.model_validate({"trunks": (TRUNK, INSIDE), "routes": (route,), "menus": menus})


def found(of: Config) -> list[tuple[str, str]]:
    return [(str(one.paths[0][-1]), one.severity) for one in routes(of)]


def test_what_a_call_of_it_becomes() -> None:
    given = config(forward=BOT, forward_account="vendor", headers_out={"X-A": "1"}, fallback=())
    assert found(given) == []
    (route,) = given.routes
    forward = Forward(BOT, "vendor", {"X-A": "1"}, falls_back=True)
    assert profiles.profile(given, route).forward == forward
    assert profiles.profile(config()).forward is None


def test_what_contradicts_it() -> None:
    assert found(config({"hang_up": True}, forward=BOT, menu="main")) == [("forward", "error")]
    assert found(config(forward_account="vendor")) == [("forward_account", "error")]
    assert found(config(forward_early_media=False)) == [("forward_early_media", "warning")]
    for unknown in ("nobody", "inside"):
        wrong = config(forward=BOT, forward_account=unknown)
        assert found(wrong) == [("forward_account", "error")]
    for action in ({"route": "away"}, {"agent": "away"}):
        assert found(config(action, forward=BOT)) == [("forward", "error")]


@pytest.mark.parametrize("target", ["+4930123", "tel:112", "bot", "sip:sip.example.com"])
def test_it_is_a_user_at_a_host(target: str) -> None:
    with pytest.raises(ValidationError):
        config(forward=target)
