"""A whole configuration as bytes, and back: a worker does not read the file, which may have changed
since the edge read it.

The copy is equal, also in which keys were given. It holds every secret, so it goes through memory
of the two processes only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel, SecretStr

from sipua.config import Config


def to_bytes(config: Config) -> bytes:
    return msgspec.json.encode(_plain(config))


def from_bytes(data: bytes) -> Config:
    """Raises pydantic's ValidationError: it was written by another version."""
    # Not strict: JSON has no tuples and no SecretStr.
    return Config.model_validate(msgspec.json.decode(data), strict=False)


def read(descriptor: int) -> bytes:
    """The whole file, which is closed then."""
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in sorted(value.model_fields_set)}
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {name: _plain(element) for name, element in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(element) for element in value]
    return value
