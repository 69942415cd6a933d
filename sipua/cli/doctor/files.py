"""`sipua doctor --config`: whether call records and the spool of webhooks can be written, how the
webhooks do, and whether the collector takes traces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from sipua.config import Config
from sipua.doctor.findings import Finding, Level


def examine(config: Config) -> list[Finding]:
    """Looks, and makes nothing."""
    found = []
    if config.cdr.enabled:
        found.append(_can_write("call records", "cdr.directory", config.cdr.directory))
    if config.audit.enabled:
        found.append(_can_write("audit log", "audit.directory", config.audit.directory))
    if any(one.enabled for one in config.webhooks):
        spool = config.webhook_spool.directory
        found.append(_can_write("webhooks", "webhook_spool.directory", spool))
        found += _webhooks(config)
    if config.traces.enabled:
        found.append(_traces(config))
    return found


def _can_write(what: str, key: str, name: str) -> Finding:
    directory = Path(name).expanduser().absolute()
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding(Level.OK, what, f"{directory} can be written")
    lost = {"call records": "calls have no rows", "webhooks": "nothing is sent"}[what]
    return Finding(
        Level.WARN,
        what,
        f"{there} cannot be written",
        f"{lost}: set `{key}`, or its owner (chown) to the user of the edge",
    )


def _webhooks(config: Config) -> Iterator[Finding]:
    from sipua.edge.wiring import hooks
    from sipua.outputs.hooks import reading
    from sipua.outputs.hooks.spool import SpoolError

    try:
        states = reading.endpoints(hooks.hook_directory(config))
    except SpoolError as error:
        yield Finding(Level.WARN, "webhooks", str(error), "is it a spool of this version?")
        return
    known = {one.name for one in config.webhooks}
    for one in states:
        name = f"webhook {one.webhook}"
        if one.webhook not in known:
            yield Finding(
                Level.WARN,
                name,
                f"{one.waiting + one.dead} events are kept for it, and it is not configured",
                "they are forgotten when they are old",
            )
        elif one.disabled is not None:
            yield Finding(
                Level.WARN,
                name,
                "is disabled: it has answered 410",
                f"sipua hooks enable {one.webhook}",
            )
        elif one.dead:
            yield Finding(
                Level.WARN,
                name,
                f"{one.dead} dead letters, {one.waiting} events wait",
                f"sipua hooks dead {one.webhook}; then sipua hooks redeliver {one.webhook} --all",
            )


def _traces(config: Config) -> Finding:
    from sipua.edge.wiring import traces
    from sipua.outputs.traces.probe import probe

    settings = traces.traces(config)
    assert settings is not None
    host = urlsplit(settings.endpoint).netloc
    outcome = probe(settings)
    if outcome.ok:
        return Finding(Level.OK, "traces", f"{host} takes them")
    advice = "is the collector up? `traces.endpoint`, `traces.headers`: docs/traces.md"
    return Finding(Level.WARN, "traces", f"{host} {outcome.cause}", advice)
