import tomllib
from pathlib import Path
from typing import Any

from support.calls.edge import merge, toml


def test_the_configuration_file_says_what_was_given() -> None:
    config: dict[str, Any] = {
        "sip": {"port": 5070, "transports": ["udp", "tcp"], "accept": "any"},
        "engine": {"type": "local", "headers": {"X-A": 'quote " and \\'}, "vad": {"on": True}},
        "accounts": [{"name": "one", "password_file": Path("/x")}, {"name": "two"}],
    }
    written = tomllib.loads(toml(config))
    assert written["accounts"][0]["password_file"] == "/x"
    assert {**written, "accounts": 0} == {**config, "accounts": 0}


def test_a_test_changes_single_keys() -> None:
    merged = merge({"sip": {"port": 1, "host": "h"}}, {"sip": {"port": 2}, "trunks": [{"name": 1}]})
    assert merged == {"sip": {"port": 2, "host": "h"}, "trunks": [{"name": 1}]}
