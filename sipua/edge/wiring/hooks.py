"""From the configuration to the settings of webhooks, for the edge and `sipua hooks`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Final

from sipua.config import Config
from sipua.config.sections.webhooks import EventWebhookSection
from sipua.outputs.hooks.settings import EndpointSettings, HookSettings

_MEGABYTE: Final = 1_000_000
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86_400.0


def hooks(config: Config) -> HookSettings | None:
    """None: there is no webhook, or none is enabled."""
    endpoints = tuple(endpoint(one) for one in config.webhooks if one.enabled)
    if not endpoints:
        return None
    spool = config.webhook_spool
    return HookSettings(
        directory=hook_directory(config),
        endpoints=endpoints,
        retry_s=spool.retry_s,
        max_age_s=spool.max_age_h * _HOUR_S,
        keep_dead_s=spool.keep_dead_days * _DAY_S,
    )


def hook_directory(config: Config) -> Path:
    return Path(config.webhook_spool.directory).expanduser()


def endpoint(section: EventWebhookSection) -> EndpointSettings:
    secrets = (section.secret.get_secret_value(), section.second_secret.get_secret_value())
    return EndpointSettings(
        name=section.name,
        url=section.url,
        secrets=tuple(filter(None, secrets)),
        types=section.types,
        format=section.format,
        batch=section.batch,
        headers={name: value.get_secret_value() for name, value in section.headers.items()},
        timeout_s=section.timeout_s,
        parallel=section.parallel,
        allow=tuple(ipaddress.ip_network(text) for text in section.allow),
        ca_file=str(Path(section.ca_file).expanduser()) if section.ca_file else "",
        most_bytes=section.max_mb * _MEGABYTE,
    )
