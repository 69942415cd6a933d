"""A message for voicemail systems must be there where one is to be left."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.calls import CallsSection
from sipua.config.sections.config import Config
from sipua.config.sections.routes import RouteSection
from sipua.config.values.problems import KeyPath


def answering(config: Config) -> Iterator[Finding]:
    calls = config.calls
    yield from _both(("calls",), calls)
    if calls.on_voicemail == "message" and not _has_message(calls):
        yield _missing(("calls", "on_voicemail"))
    for index, route in enumerate(config.routes):
        here: KeyPath = ("routes", index)
        yield from _both(here, route)
        if route.on_voicemail == "message" and not (_has_message(route) or _has_message(calls)):
            yield _missing((*here, "on_voicemail"))


def _has_message(section: CallsSection | RouteSection) -> bool:
    return bool(section.voicemail_message or section.voicemail_text)


def _both(here: KeyPath, section: CallsSection | RouteSection) -> Iterator[Finding]:
    if section.voicemail_message and section.voicemail_text:
        yield Finding(
            ((*here, "voicemail_text"), (*here, "voicemail_message")),
            "is not said: there is a WAV file as well",
            "one of the two",
        )


def _missing(path: KeyPath) -> Finding:
    return Finding(
        (path,),
        "says that a message is left, and there is none",
        'voicemail_message = "message.wav", or voicemail_text = "Please call us back."',
    )
