"""From the configuration to the settings of traces."""

from __future__ import annotations

from importlib.metadata import version
from urllib.parse import urlsplit

from sipua.config import Config
from sipua.edge.wiring import wiring
from sipua.outputs.traces.settings import TraceSettings

_PATH = "/v1/traces"


def traces(config: Config) -> TraceSettings | None:
    """None: none are written."""
    one = config.traces
    if not one.enabled:
        return None
    return TraceSettings(
        endpoint=endpoint(one.endpoint),
        headers={name: value.get_secret_value() for name, value in one.headers.items()},
        private=one.private,
        resource={
            "service.name": one.service_name,
            "service.version": version("sipua"),
            "service.instance.id": wiring.node(config),
            **one.resource,
        },
        timeout_s=one.timeout_s,
        ca_file=one.ca_file,
    )


def endpoint(url: str) -> str:
    """With the path that the standard gives to traces, when it has none."""
    parts = urlsplit(url)
    return url if parts.path.strip("/") else parts._replace(path=_PATH).geturl()
