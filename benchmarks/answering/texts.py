"""The texts of greetings.toml: by kind, by language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TypeAlias

Texts: TypeAlias = Mapping[str, Sequence[str]]


@cache
def of(kind: str) -> Texts:
    """Of each language, in order."""
    source = files(__package__).joinpath("greetings.toml").read_text(encoding="utf-8")
    texts: Texts = tomllib.loads(source)[kind]
    return texts
