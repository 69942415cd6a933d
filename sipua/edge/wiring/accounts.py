"""From the configuration to signalling's accounts: one for each registrar, and for each server of a
trunk, as pjsip knows the way of a call by its account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from sipua.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.uri import parse_server
from sipua.edge.wiring import stir
from sipua.rtp.hostport import bracketed
from sipua.sip.settings import AccountSettings, Sign
from sipua.sip.wire.verdict import Attestation

MakeSign: TypeAlias = Callable[[Attestation], Sign]


def accounts(config: Config) -> tuple[AccountSettings, ...]:
    peers: list[AccountSection | TrunkSection] = [*config.accounts, *config.trunks]
    signed = any(one.stir_attest for one in peers)
    sign = stir.signing(config) if signed else _unsigned
    return (*_registrations(config, sign), *_trunks(config, sign))


def _unsigned(_: Attestation) -> Sign:
    raise AssertionError("nothing is signed")


def _registrations(config: Config, sign: MakeSign) -> Iterator[AccountSettings]:
    for account in config.accounts:
        for place, registrar in enumerate(account.registrars, 1):
            yield AccountSettings(
                name=_numbered(account.name, place),
                id_uri=_identity(account.user, registrar),
                registrar=registrar,
                user=account.auth_user or account.user,
                password=account.password.get_secret_value(),
                realm=account.realm,
                proxy=account.proxy,
                expires_s=account.expires_s,
                refresh_s=account.refresh_s,
                keepalive_s=account.keepalive_s,
                priority=place,
                sign=sign(account.stir_attest) if account.stir_attest else None,
                **_protocol(account),
            )


def _trunks(config: Config, sign: MakeSign) -> Iterator[AccountSettings]:
    for trunk in config.trunks:
        for place, server in enumerate(trunk.every_server, 1):
            yield AccountSettings(
                name=_numbered(trunk.name, place),
                id_uri=_identity(trunk.user or "sipua", server.uri),
                user=trunk.auth_user or trunk.user,
                password=trunk.password.get_secret_value(),
                realm=trunk.realm,
                proxy=server.uri,
                trunk=trunk.name,
                priority=server.priority,
                weight=server.weight,
                outbound_proxy=trunk.outbound_proxy,
                answer_within_s=trunk.answer_within_s,
                rest_s=trunk.rest_s,
                options_s=trunk.options_s,
                sign=sign(trunk.stir_attest) if trunk.stir_attest else None,
                **_protocol(trunk),
            )
        protocol = _protocol(trunk)
        if not trunk.every_server and protocol != _protocol(TrunkSection(name=trunk.name)):
            # For the calls that come in; without keys of its own the usual account has them.
            uri = f"sip:sipua@{bracketed(config.sip.host[0])}"
            yield AccountSettings(name=trunk.name, id_uri=uri, **protocol)


def _identity(user: str, server: str) -> str:
    """Who we are there. RFC 3261 8.1.1.8: with `sips:`, so that our Contact has it, too."""
    scheme = "sips" if server.lower().startswith("sips:") else "sip"
    return f"{scheme}:{user}@{bracketed(parse_server(server).host)}"


def _numbered(name: str, place: int) -> str:
    """The first one has the name of the trunk or account, for calls that come in."""
    return name if place == 1 else f"{name}/{place}"


def _protocol(section: TrunkSection | AccountSection) -> dict[str, Any]:
    """How it talks SIP, and which audio it gets."""
    return {
        "codecs": section.codecs,
        "ptime_ms": section.ptime_ms,
        "session_timers": section.session_timers,
        "session_expires_s": section.session_expires_s,
        "min_session_expires_s": section.min_session_expires_s,
        "prack": section.prack,
        "early_media": section.early_media,
        "srtp": section.srtp,
        "srtp_keys": section.srtp_keys,
    }
