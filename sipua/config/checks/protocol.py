"""How a trunk or an account talks SIP: times that fit each other, sounds, and keys of SRTP."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.problems import KeyPath


def protocol(config: Config) -> Iterator[Finding]:
    for index, account in enumerate(config.accounts):
        yield from _timers(config, ("accounts", index), account)
        yield from _early_media(("accounts", index), account)
    for index, trunk in enumerate(config.trunks):
        yield from _timers(config, ("trunks", index), trunk)
        yield from _early_media(("trunks", index), trunk)
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


def _srtp(config: Config) -> Iterator[Finding]:
    peers: list[tuple[KeyPath, AccountSection | TrunkSection]] = [
        *((("accounts", index, "srtp"), one) for index, one in enumerate(config.accounts)),
        *((("trunks", index, "srtp"), one) for index, one in enumerate(config.trunks)),
    ]
    wanted = [(path, peer) for path, peer in peers if peer.srtp != "off"]
    if wanted and find_spec("pylibsrtp") is None:
        for path, _ in wanted:
            yield Finding(
                (path,), "needs pylibsrtp, which is not installed", "pip install 'sipua[srtp]'"
            )
        return
    for path, peer in wanted:
        if not _signalled_by_tls(peer):
            yield Finding(
                (path,),
                "the keys of the audio go through SIP messages that are not encrypted: a listener "
                "on the way can decrypt the calls",
                "`;transport=tls` behind the address of the peer; docs/tls.md",
                "warning",
            )


def _signalled_by_tls(peer: AccountSection | TrunkSection) -> bool:
    uris = (
        peer.registrars
        if isinstance(peer, AccountSection)
        else tuple(server.uri for server in peer.every_server)
    )
    return bool(uris) and all(
        "transport=tls" in uri.lower() or uri.lower().startswith("sips:") for uri in uris
    )
