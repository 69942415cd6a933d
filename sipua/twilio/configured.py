"""From the configuration to the documents that lead calls: who may be asked, and who called."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sipua.bridge.engines.twilio_stream import sids
from sipua.config import Config
from sipua.config.sections.routes import RouteSection
from sipua.sip.parties.numbers import plain
from sipua.sip.parties.whom import may_call
from sipua.twilio.fetch import Reach
from sipua.twilio.request import API_VERSION
from sipua.twilio.twiml.verbs import StatusCallback
from sipua.twilio.urls import origin_of, resolved

QUEUE: Final = "queue:"
"""What leads to one of these is no target: see `<Enqueue>`."""


def leads(config: Config) -> bool:
    """Whether a call may be led by documents."""
    return bool(config.twilio.account_sid or any(route.voice_url for route in config.routes))


def account_sid(config: Config) -> str:
    return config.twilio.account_sid or sids.USUAL_ACCOUNT


def recordings(config: Config) -> Path | None:
    """Where those of callers are kept; None: they are not recorded."""
    name = config.twilio.recordings
    return Path(name).expanduser() if name else None


def recordings_url(config: Config) -> str:
    """What their URLs begin with."""
    base = config.twilio.api_url.rstrip("/")
    return f"{base}/{API_VERSION}/Accounts/{account_sid(config)}/Recordings/"


def reach(config: Config) -> Reach:
    twilio = config.twilio
    led = [route for route in config.routes if route.voice_url]
    own = [url for one in led for url in _urls(one) if url]
    return Reach(
        twilio.hosts,
        tuple(ipaddress.ip_network(one) for one in twilio.allow),
        twilio.ca_file,
        frozenset(map(origin_of, own)),
    )


def _urls(route: RouteSection) -> tuple[str, str, str]:
    return route.voice_url, route.voice_fallback_url, route.voice_status_url


def status_callbacks(config: Config) -> dict[str, StatusCallback]:
    """What is told of the ends of calls that come in, by the name of the route."""
    return {
        route.name: StatusCallback(
            resolved("", route.voice_status_url) or route.voice_status_url,
            route.voice_status_method,
        )
        for route in config.routes
        if route.voice_url and route.voice_status_url
    }


def target(allowed: Iterable[str], text: str) -> str | None:
    """What a document means by a number or a URI; None: it may not be called."""
    found = plain(text) or text
    return found if may_call(found, allowed) else None


def may_be_called(names: Mapping[str, str], allowed: Iterable[str], text: str) -> bool:
    """`names`: what the targets of `tools.transfer` lead to, by their names."""
    if (known := names.get(text)) is not None:
        return not known.startswith(QUEUE)
    return target(allowed, text) is not None
