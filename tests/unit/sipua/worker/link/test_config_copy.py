"""A configuration that has gone to a worker is the same, with its secrets and what was given."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from sipua.config import Config, load
from sipua.config.change.values import secrets
from sipua.worker.link import config_copy

CONFIGS = Path(__file__).parents[5] / "configs"
FULL = """
[sip]
host = ["0.0.0.0", "::"]
[rtp]
codecs = ["PCMA"]
[[accounts]]
name = "pbx"
registrar = "sip:192.0.2.1"
user = "100"
password = "of-the-account"
[[trunks]]
name = "carrier"
hosts = ["203.0.113.0/28", "sip.example"]
[engine]
type = "openai_realtime"
url = "ws://127.0.0.1:1/x"
headers = { authorization = "Bearer of-a-header" }
turn_detection = { type = "semantic_vad", eagerness = "high" }
[engines.spare]
type = "local"
greeting = ""
[calls]
fallback = [{ engine = "spare" }, { prompt = "sorry" }, { status = 480 }]
[[routes]]
name = "sales"
called = ["2*"]
fallback = []
tools = ["hang_up"]
[edge]
workers = 3
[prices."gpt-realtime"]
text_in = 4
[tools]
builtin = ["hang_up", "get_call_info"]
[[tools.webhooks]]
name = "order"
description = "Looks up an order."
url = "https://shop.example/order"
parameters = { type = "object", properties = { id = { enum = ["a", 1, 2.5, true] } } }
headers = { x-key = "of-a-webhook" }
"""


def alike(one: object, two: object, where: str = "") -> None:
    assert type(one) is type(two), where
    if isinstance(one, BaseModel) and isinstance(two, BaseModel):
        assert one.model_fields_set == two.model_fields_set, where
        for name in type(one).model_fields:
            alike(getattr(one, name), getattr(two, name), f"{where}.{name}")
    elif isinstance(one, tuple) and isinstance(two, tuple):
        assert len(one) == len(two), where
        for number, (left, right) in enumerate(zip(one, two, strict=True)):
            alike(left, right, f"{where}.{number}")
    else:
        assert one == two, where


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.name)
def test_every_configuration_that_we_ship(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sk-0123456789")
    config = load(path, {"OPENAI_API_KEY": "sk-0123456789"})
    copy = config_copy.from_bytes(config_copy.to_bytes(config))
    alike(config, copy)
    assert copy == config


def test_one_with_everything(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(FULL)
    config = load(tmp_path / "edge.toml", {})
    copy = config_copy.from_bytes(config_copy.to_bytes(config))
    alike(config, copy)
    assert copy.edge.workers == "3"
    assert copy.routes[0].has("fallback")
    assert set(secrets(copy)) >= {
        "of-the-account",
        "Bearer of-a-header",
        "of-a-webhook",
    }


def test_what_another_version_wrote_is_refused() -> None:
    with pytest.raises(ValidationError):
        config_copy.from_bytes(b'{"sip": {"unknown": 1}}')


def test_a_secret_does_not_show() -> None:
    config = Config.model_validate({"agent": {"api_key": SecretStr("agents-own")}})
    assert "agents-own" not in repr(config_copy.from_bytes(config_copy.to_bytes(config)))
