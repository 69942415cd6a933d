"""A short name of a configuration: two edges with equal values have the same one.

It stands in logs, records and metrics, where more people read than may know a password. A hash over
a weak secret can be tried out offline, by whoever knows the rest of the file; so `fingerprint` has
of each secret only whether it is set, and is equal on every machine. `secrets_mark` tells that a
secret has changed: its key is drawn at the start of the process and never leaves it.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from sipua.config.change.values import (
    LEFT_OUT,
    Element,
    Order,
    Value,
    items,
    secrets,
    without_secrets,
)
from sipua.config.sections.config import Config

_CHARACTERS = 12
_OF_SECRETS = 8


def fingerprint(config: Config) -> str:
    facts: dict[str, object] = {}
    for item in items(config):
        match item:
            case Value():
                shown = None if item.value is LEFT_OUT else without_secrets(item.value)
                facts[f"={item.key}"] = shown
            case Order():
                facts[f"[]{item.key}"] = item.names
            case Element():
                facts[f"+{item.key}"] = True
    text = json.dumps(facts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_CHARACTERS]


def secrets_mark(config: Config, key: bytes) -> str:
    """`key`: random, of this process."""
    found = {
        item.key: list(secrets(item.value)) for item in items(config) if isinstance(item, Value)
    }
    text = json.dumps({name: values for name, values in found.items() if values}, sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:_OF_SECRETS]
