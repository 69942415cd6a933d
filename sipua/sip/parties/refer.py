"""Whether a peer may put another party in its place: REFER (RFC 3515) and Replaces (RFC 3891).

    Refer-To: <sip:201@HOST>                 a host of the peer's own: the number 201, which is
                                             called as any number by its trunk
    Refer-To: <sip:bob@sip.example.net>      another host: only where a pattern has it behind an @
    Refer-To: <sip:201@HOST?Replaces=...>    the target's call of its own is taken over: needs
                                             `replaces` as well

Of what the peer wrote only a number, or user, host, port and transport, are passed on, and a
Replaces that is made anew from its three parts. Everything else refuses the REFER.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from sipua.sip.dns.names import transport_of
from sipua.sip.parties import allowed, name_addr
from sipua.sip.parties.name_addr import NameAddr
from sipua.sip.parties.numbers import AS_IT_IS, NumberFormat, plain
from sipua.sip.wire.addresses import server_of
from sipua.sip.wire.texts import Message

BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
DECLINED: Final = 603

_USER: Final = re.compile(r"[A-Za-z0-9_.+*#-]{1,64}")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_CALL_ID: Final = re.compile(r"[!-+\--:<-~]{1,256}")
"""Visible characters but `,` and `;`."""
_TAG: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,128}")
_HIDDEN: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
"""A control character, as a URI hides it."""
_MOST_PARTS: Final = 4


@dataclass(frozen=True, slots=True)
class ReferPolicy:
    refer: bool = False
    targets: tuple[str, ...] = ()
    replaces: bool = False
    hosts: frozenset[str] = frozenset()
    """Names of the peer's own."""


DENY: Final = ReferPolicy()


@dataclass(frozen=True, slots=True)
class Refused:
    status: int
    rule: str
    """The key of the configuration, or what is wrong with the request."""
    target: str
    """As the peer wrote it, cleaned and cut."""


@dataclass(frozen=True, slots=True)
class Wanted:
    target: str
    """A number, or a SIP URI."""
    shown: str
    """As `Refused.target`."""
    referred_by: str = ""
    """A SIP URI; empty: the peer does not say who wants it."""
    replaces: str = ""
    """The value of the header."""


def judge(
    message: Message,
    policy: ReferPolicy,
    *,
    belongs: Callable[[str], bool],
    form: NumberFormat = AS_IT_IS,
) -> Wanted | Refused:
    """`belongs`: whether an address is one of the peer's. `form`: of its numbers."""
    shown = message.header("Refer-To") or ""
    if message.count("Refer-To") != 1 or message.is_cut("Refer-To"):
        return Refused(BAD_REQUEST, "Refer-To", shown)
    if not policy.refer:
        return Refused(DECLINED, "refer", shown)
    party = name_addr.parse(shown)
    if party.scheme not in ("sip", "tel") or not _USER.fullmatch(party.user):
        return Refused(FORBIDDEN, "Refer-To", shown)
    replaces = _replaces(party.uri_headers)
    if replaces is None or _has_method(shown) or _HIDDEN.search(shown):
        return Refused(FORBIDDEN, "Refer-To", shown)
    if replaces and not policy.replaces:
        return Refused(FORBIDDEN, "replaces", shown)
    target = _allowed(party, shown, policy, belongs, form)
    if not target:
        return Refused(FORBIDDEN, "refer_targets", shown)
    return Wanted(target, shown, _referred_by(message), replaces)


def _allowed(
    party: NameAddr,
    shown: str,
    policy: ReferPolicy,
    belongs: Callable[[str], bool],
    form: NumberFormat,
) -> str:
    """The target; empty: no pattern allows it. A user that is no number, at a host of the peer's
    own as well, is one for patterns with a host."""
    own = party.scheme == "tel" or party.host in policy.hosts or belongs(party.host)
    number = form.of(party.user)
    with_host = f"{party.user}@{party.host}"
    if any(allowed.refused_by(one, _forbidding(policy.targets)) for one in (number, with_host)):
        return ""
    dialled = plain(number)
    if own and dialled and _fits(dialled, [one for one in policy.targets if "@" not in one]):
        return dialled
    if party.host and _fits(with_host, [one for one in policy.targets if "@" in one]):
        return _uri(party, shown)
    return ""


def _forbidding(patterns: tuple[str, ...]) -> list[str]:
    return [one for one in patterns if one.startswith("!")]


def _fits(text: str, patterns: list[str]) -> bool:
    allowing = [one for one in patterns if not one.startswith("!")]
    return bool(allowing) and not allowed.refused_by(text, allowing)


def _uri(party: NameAddr, shown: str) -> str:
    if not _HOST.fullmatch(party.host):
        return ""
    port = server_of(shown)[1]
    at = f"{party.host}:{port}" if port else party.host
    transport = transport_of(shown)
    by = f";transport={transport}" if transport else ""
    return f"sip:{party.user.replace('#', '%23')}@{at}{by}"


def _has_method(shown: str) -> bool:
    """Whether it asks for another request than INVITE."""
    lower = shown.lower()
    return ";method=" in lower and ";method=invite" not in lower


def _replaces(uri_headers: str) -> str | None:
    """The Replaces among the headers of the URI, made anew; None: it, or another, is refused."""
    if not uri_headers:
        return ""
    value = ""
    for one in uri_headers.split("&", _MOST_PARTS):
        name, _, text = one.partition("=")
        if name.lower() == "replaces" and not value:
            value = _dialog(unquote(text, errors="replace"))
            if not value:
                return None
        elif (name.lower(), text.lower()) != ("require", "replaces"):
            return None
    return value


def _dialog(text: str) -> str:
    call_id, *parts = text.split(";", _MOST_PARTS)
    tags: dict[str, str] = {}
    early = False
    for part in parts:
        name, _, value = part.partition("=")
        if part == "early-only":
            early = True
        elif name not in ("to-tag", "from-tag") or name in tags or not _TAG.fullmatch(value):
            return ""
        else:
            tags[name] = value
    if not _CALL_ID.fullmatch(call_id) or len(tags) < 2:
        return ""
    only = ";early-only" if early else ""
    return f"{call_id};to-tag={tags['to-tag']};from-tag={tags['from-tag']}{only}"


def _referred_by(message: Message) -> str:
    """Who wants it (RFC 3892); else who the peer is."""
    for name in ("Referred-By", "From"):
        party = name_addr.parse(message.header(name) or "")
        if _USER.fullmatch(party.user) and _HOST.fullmatch(party.host):
            return f"sip:{party.user.replace('#', '%23')}@{party.host}"
    return ""
