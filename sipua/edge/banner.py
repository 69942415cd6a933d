"""The banner after `make run`, and the event: what listens, how to call it, what next."""

from __future__ import annotations

import sys

from sipua.config import Config
from sipua.doctor.doctor import BuildInfo
from sipua.edge.wiring import wiring
from sipua.events import edge_events
from sipua.rtp.events import Address
from sipua.rtp.hostport import join
from sipua.sip.wire.addresses import is_any


def listening(
    config: Config,
    build: BuildInfo,
    max_calls: int,
    addresses: list[Address],
    *,
    agent_url: str,
    workers: list[int],
    config_hash: str,
) -> edge_events.Listening:
    rtp = config.rtp
    return edge_events.Listening(
        sip=", ".join(join(*address) for address in addresses),
        transports=list(config.sip.transports),
        rtp_hosts=list(wiring.rtp_hosts(config)),
        rtp_ports=f"{rtp.port_min}-{rtp.port_max}",
        engine=config.engine.type,
        engine_host=wiring.engine_host(wiring.engine_url(config.engine, agent_url)),
        max_calls=max_calls,
        workers=workers,
        pjsua2=build.version,
        production=build.production,
        config=config_hash,
    )


def show(
    config: Config,
    build: BuildInfo,
    max_calls: int,
    addresses: list[Address],
    transports: list[str],
) -> None:
    print("\n".join(lines(config, build, max_calls, addresses, transports)), file=sys.stderr)


def lines(
    config: Config,
    build: BuildInfo,
    max_calls: int,
    addresses: list[Address],
    transports: list[str],
) -> list[str]:
    host = addresses[0][0]
    shown = join(*addresses[0])
    if is_any(host):
        shown = shown.replace(host, "<this machine's address>")
    listening = " and ".join(join(*address) for address in addresses)
    both = " and ".join(name.upper() for name in transports)
    engine = config.engine
    answers = (
        f"the local agent ({config.agent.mode}): no key, no model; it repeats what you say"
        if engine.kind.local and config.agent.mode == "parrot"
        else f"the local agent ({config.agent.mode})"
        if engine.kind.local
        else f"{engine.type}, model {engine.model or engine.kind.model}"
    )
    uri = f"sip:agent@{shown}"
    kind = "production build" if build.production else "package index's build"
    text = [
        "",
        f"  sipua listens on {listening} ({both}); Ctrl-C ends it.",
        f"  Call it     {uri} from any SIP phone, or from another terminal:",
        f"              .venv/bin/sipua call {uri}",
        f"  Who answers {answers}",
        f"  Calls       up to {max_calls} at once (pjsua2 {build.version}, {kind})",
    ]
    if not build.production:
        text.append("              `make pjsua2` builds one for 1024 calls in about 3 minutes")
    text += [
        "  Next        configs/asterisk-extension.toml, configs/ip-trunk.toml, docs/asterisk.md",
        "",
    ]
    return text
