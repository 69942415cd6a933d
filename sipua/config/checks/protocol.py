"""How a trunk or an account talks SIP: times that fit each other, sounds, who calls, keys of
SRTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.problems import KeyPath


def protocol(config: Config) -> Iterator[Finding]:
    for index, account in enumerate(config.accounts):
        yield from _timers(config, ("accounts", index), account)
        yield from _early_media(("accounts", index), account)
        yield from _caller(("accounts", index), account)
    for index, trunk in enumerate(config.trunks):
        yield from _timers(config, ("trunks", index), trunk)
        yield from _early_media(("trunks", index), trunk)
        yield from _caller(("trunks", index), trunk)
    yield from _srtp(config)


def _timers(
    config: Config, path: KeyPath, peer: AccountSection | TrunkSection
) -> Iterator[Finding]:
    least: KeyPath = (*path, "min_session_expires_s")
    time: KeyPath = (*path, "session_expires_s")
    shortest = peer.min_session_expires_s or config.sip.min_session_expires_s
    usual = peer.session_expires_s or config.sip.session_expires_s
    of_its_own = peer.min_session_expires_s or peer.session_expires_s
    if of_its_own and shortest > usual:
        yield Finding(
            (least, time),
            f"the shortest timer, {shortest} s, is longer than the usual one, {usual} s",
            f"session_expires_s = {shortest}, or more",
        )
    if of_its_own and peer.session_timers == "off":
        yield Finding(
            ((*path, "session_timers"), time, least),
            "there are no session timers, and a time for them",
            "remove the times, or session_timers",
            "warning",
        )


def _early_media(path: KeyPath, peer: AccountSection | TrunkSection) -> Iterator[Finding]:
    for key in ("ringing_tone", "early_media_sound"):
        if key in peer.model_fields_set and not peer.early_media:
            yield Finding(
                ((*path, key),),
                "has no effect: its calls hear the ringing tone of their own phones",
                "early_media = true",
                "warning",
            )
    if {"ringing_tone", "early_media_sound"} <= peer.model_fields_set and peer.early_media_sound:
        yield Finding(
            ((*path, "ringing_tone"), (*path, "early_media_sound")),
            "are both set: the sound is heard in the place of the tone",
            "remove one",
            "warning",
        )


def _caller(path: KeyPath, peer: TrunkSection | AccountSection) -> Iterator[Finding]:
    if "caller_headers" in peer.model_fields_set and not peer.trust_identity:
        yield Finding(
            ((*path, "caller_headers"), (*path, "trust_identity")),
            "is not used: only From is believed",
            "trust_identity = true, if all that it says of callers is true",
            "warning",
        )


def _srtp(config: Config) -> Iterator[Finding]:
    peers: list[tuple[KeyPath, AccountSection | TrunkSection]] = [
        *((("accounts", index), one) for index, one in enumerate(config.accounts)),
        *((("trunks", index), one) for index, one in enumerate(config.trunks)),
    ]
    for path, peer in peers:
        if peer.srtp != "off":
            yield from _keys(path, peer)
        elif "srtp_keys" in peer.model_fields_set:
            yield Finding(
                ((*path, "srtp_keys"),),
                "has no effect: the audio is not encrypted",
                'srtp = "require"',
                "warning",
            )


def _keys(path: KeyPath, peer: AccountSection | TrunkSection) -> Iterator[Finding]:
    by_handshake = peer.srtp_keys == "dtls"
    extra = "dtls" if by_handshake else "srtp"
    needed = {"pylibsrtp": "pylibsrtp"} | ({"OpenSSL": "pyOpenSSL"} if by_handshake else {})
    for module, name in needed.items():
        if find_spec(module) is None:
            yield Finding(
                ((*path, "srtp_keys" if by_handshake else "srtp"),),
                f"needs {name}, which is not installed",
                f"pip install 'sipua[{extra}]'",
            )
            return
    if by_handshake and not _own_build():
        yield Finding(
            ((*path, "srtp_keys"),),
            "needs the production build of pjsua2: that of the package index takes no such SDP",
            "make pjsua2",
        )
    if not _signalled_by_tls(peer):
        yield Finding(
            ((*path, "srtp"),),
            _HANDSHAKE_IN_PLAIN if by_handshake else _KEYS_IN_PLAIN,
            "`;transport=tls` behind the address of the peer; docs/tls.md",
            "warning",
        )


_KEYS_IN_PLAIN = (
    "the keys of the audio go through SIP messages that are not encrypted: a listener "
    "on the way can decrypt the calls"
)
_HANDSHAKE_IN_PLAIN = (
    "the fingerprints of the certificates go through SIP messages that are not encrypted: "
    "an attacker who can change these on the way can decrypt the calls"
)
_FIRST_BUILD = 7
"""Of ours, whose pjsip passes over the profiles of SRTP."""


def _own_build() -> bool:
    try:
        build = re.search(r"\+sipua(\d+)", version("pjsua2-python"))
    except PackageNotFoundError:
        return True  # its absence is told elsewhere
    return build is not None and int(build[1]) >= _FIRST_BUILD


def _signalled_by_tls(peer: AccountSection | TrunkSection) -> bool:
    uris = (
        peer.registrars
        if isinstance(peer, AccountSection)
        else tuple(server.uri for server in peer.every_server)
    )
    return bool(uris) and all(
        "transport=tls" in uri.lower() or uri.lower().startswith("sips:") for uri in uris
    )
