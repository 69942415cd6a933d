"""Placeholders in instructions, greetings, parameters: each must have a meaning, and a source."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath
from sipua.sip.parties import placeholders as known

_KEYS = ("instructions", "greeting")


def placeholders(config: Config) -> Iterator[Finding]:
    given = [peer.headers_in for peer in config.trunks]
    given += [peer.headers_in for peer in config.accounts]
    read = {name.lower() for names in given for name in names}
    for path, text in _texts(config):
        for name in known.names(text):
            if (header := known.header_of(name)) is None:
                if name not in known.NAMES:
                    yield _unknown(path, name)
            elif header.lower() not in read:
                yield Finding(
                    (path,),
                    f"has {{{{{name}}}}}, and no trunk or account reads this header",
                    f'headers_in = ["{header}"] under [[trunks]] or [[accounts]]',
                )


def _texts(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for text in config.engine.parameters.values():
        yield ("engine", "parameters"), text
    for name, engine in config.engines.items():
        for text in engine.parameters.values():
            yield ("engines", name, "parameters"), text
    for key in _KEYS:
        yield ("engine", key), getattr(config.engine, key)
        for name, engine in config.engines.items():
            yield ("engines", name, key), getattr(engine, key)
        for index, route in enumerate(config.routes):
            yield ("routes", index, key), getattr(route, key)


def _unknown(path: KeyPath, name: str) -> Finding:
    near = get_close_matches(name, known.NAMES, n=1)
    meant = near or (*known.NAMES, f"{known.HEADER}X-Account")
    listed = ", ".join(f"{{{{{one}}}}}" for one in meant)
    return Finding((path,), f"has {{{{{name}}}}}, which is no placeholder", listed)
