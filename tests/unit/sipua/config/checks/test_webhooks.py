"""Webhooks that could not deliver, or would deliver what they should not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sipua.config import ConfigError, load
from sipua.config.checks.webhooks import webhooks
from sipua.config.sections.config import Config

SECRET = "whsec_" + "b2xkIHNlY3JldCBvZiB0aGUgdGVzdHMsIDMyIGJ5dGVz"
GOOD = {"name": "crm", "url": "https://crm.example.com/sipua", "secret": SECRET}


def found(*others: dict[str, Any], **keys: Any) -> list[tuple[str, str]]:
    """The key and the severity of each finding."""
    config = Config.model_validate({"webhooks": ({**GOOD, **keys}, *others)})
    return [(str(one.paths[0][-1]), one.severity) for one in webhooks(config)]


def test_none_by_default_and_fine_with_https_and_a_secret() -> None:
    assert list(webhooks(Config())) == []
    assert found() == []
    assert (
        found(headers={"X-Key": "a long enough key", "Authorization": "Bearer abcdefghijk"}) == []
    )


@pytest.mark.parametrize(
    ("keys", "finding"),
    [
        ({"url": "http://crm.example.com/"}, ("url", "warning")),
        ({"secret": ""}, ("secret", "warning")),
        ({"batch": True, "format": "plain"}, ("batch", "error")),
        ({"secret": "", "second_secret": SECRET}, ("second_secret", "error")),
        ({"url": "https://10.1.2.3/"}, ("url", "error")),
        ({"url": "https://[::1]/"}, ("url", "error")),
        ({"url": "https://169.254.169.254/latest"}, ("url", "error")),
        ({"url": "http://localhost/"}, ("url", "error")),
        ({"ca_file": "/nowhere/ca.pem"}, ("ca_file", "error")),
        ({"headers": {"Content-Length": "1"}}, ("headers", "error")),
        ({"headers": {"transfer-encoding": "chunked"}}, ("headers", "error")),
        ({"headers": {"Webhook-Signature": "v1,x"}}, ("headers", "error")),
        ({"headers": {"HOST": "inside"}}, ("headers", "error")),
    ],
)
def test_what_is_found(keys: dict[str, Any], finding: tuple[str, str]) -> None:
    assert found(**keys) == [finding]
    assert found(**keys, enabled=False) == []


def test_what_is_allowed_may_be_reached() -> None:
    assert found(url="http://127.0.0.1:8099/", allow=["127.0.0.1"]) == []
    assert found(url="https://10.1.2.3/", allow=["10.1.0.0/16"]) == []
    assert found(url="https://10.2.2.3/", allow=["10.1.0.0/16"]) == [("url", "error")]


def test_a_name_is_of_one_webhook() -> None:
    assert found(GOOD) == [("name", "error")]


def test_a_first_pause_delays_everything() -> None:
    config = Config.model_validate({"webhooks": (GOOD,), "webhook_spool": {"retry_s": [5.0]}})
    assert [one.severity for one in webhooks(config)] == ["warning"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r'headers = { X-Key = "a long enough key\r\nX-Evil: yes" }', "line break"),
        (r'headers = { "X-Key\r\nX-Evil" = "a long enough key" }', "HTTP header name"),
        ('url = "https://me:secret@crm.example.com/"', "user or password"),
        ('url = "ftp://crm.example.com/"', "HTTP URL"),
        ('types = ["call"]', "type of events"),
        ('allow = ["10.1.2.3/8"]', "an address inside a network"),
        ('secret = "whsec_c2hvcnQ="', "bytes long"),
    ],
)
def test_what_is_refused(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "edge.toml"
    url = "" if line.startswith("url") else 'url = "https://crm.example.com/"\n'
    file.write_text(f'[[webhooks]]\nname = "crm"\n{url}{line}\n')
    with pytest.raises(ConfigError, match=re.escape(said)):
        load(file, {})
