"""A call that we place, as its trunk wants it: the number, who we say we are, the headers.

Numbers that the configuration allows only: who may ask for calls, by the API, must not be able to
call each number or with each number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from sipua.config import Config
from sipua.config.sections.trunks import TrunkSection
from sipua.config.values.uri import is_number
from sipua.edge.placing.placing import RequestError
from sipua.edge.wiring import parties
from sipua.sip.parties import allowed, headers, name_addr
from sipua.sip.parties.identity import identity, is_caller_id
from sipua.sip.settings import Sign
from sipua.sip.wire.addresses import host_of
from sipua.sip.wire.caller_id import NOBODY, Caller


class ForbiddenError(RequestError):
    """A rule of the trunk forbids the call, or the list of numbers that are not called."""

    def __init__(self, trunk: str, rule: str, cause: str, text: str = "") -> None:
        super().__init__(text or f"{rule} of {trunk}: {cause}")
        self.trunk = trunk
        self.rule = rule
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Outgoing:
    to: str
    """The number as the trunk wants it, or the URI that was asked for."""
    called: str
    """The number in our format."""
    caller: Caller
    from_uri: str
    headers: dict[str, str]
    """Of the INVITE; `From` where it is not the account's."""


def outgoing(
    config: Config,
    origin: str,
    to: str,
    *,
    id_uri: str,
    sign: Sign | None = None,
    caller_id: str = "",
    of_pool: str = "",
    given: Mapping[str, str],
    of_route: Mapping[str, str],
) -> Outgoing:
    """`id_uri`, `sign`: of the account or trunk; empty: there is none. `caller_id`: our number, as
    it was asked for; `of_pool`: as the trunk's pool has it. `given`: headers of the request, which
    have been judged. Raises RequestError, ForbiddenError.
    """
    trunk = parties.trunk_named(config, origin)
    called, to = _called(trunk, to)
    if caller_id and trunk:
        caller_id = _allowed_caller_id(trunk, caller_id)
    caller, from_uri, ours = _caller(trunk, id_uri, caller_id or of_pool)
    if sign is not None and not _is_secret(trunk):
        ours = {**ours, **sign(caller.number, called)}
    sets = headers.merged(trunk.headers_out if trunk else {}, of_route, given)
    return Outgoing(to, called, caller, from_uri, {**sets, **ours})


def called_by(trunk: TrunkSection | None, to: str) -> str:
    """The number in our format; of a URI its user, of which a `+` may be written as `%2B`. In
    brackets: without them the parameters of a user would be taken for the header's.
    """
    number = to.removeprefix("tel:") if is_number(to) else unquote(name_addr.parse(f"<{to}>").user)
    return parties.form_of_ours(trunk).of(number)


def _called(trunk: TrunkSection | None, to: str) -> tuple[str, str]:
    """The number in our format, and as the trunk wants it. A URI is not changed."""
    called = called_by(trunk, to)
    if trunk and (rule := allowed.refused_by(called, trunk.allowed_destinations)):
        raise ForbiddenError(trunk.name, "allowed_destinations", f"{called or to}: {rule}")
    return called, parties.form_out(trunk).of(called) if is_number(to) else to


def _caller(
    trunk: TrunkSection | None, id_uri: str, caller_id: str
) -> tuple[Caller, str, dict[str, str]]:
    if trunk is None:
        if caller_id:
            raise RequestError("`caller_id` needs a trunk that has `allowed_caller_ids`")
        return _ours(name_addr.parse(id_uri).user, "", id_uri), id_uri, {}
    number = caller_id or trunk.caller_id
    as_usual = not (number or trunk.caller_name or trunk.assert_identity or trunk.hide_caller_id)
    usual = name_addr.parse(id_uri).user
    if as_usual:
        return _ours(usual, "", id_uri), id_uri, {}
    shown = parties.form_out(trunk).of(number or usual)
    who = identity(
        shown,
        trunk.caller_name,
        id_uri.partition("@")[2],
        asserted=trunk.assert_identity,
        hidden=trunk.hide_caller_id,
    )
    caller = _ours(number or usual, trunk.caller_name, id_uri)
    return caller, who.from_header, {**who.headers, "From": who.from_header}


def _is_secret(trunk: TrunkSection | None) -> bool:
    """Whether the trunk itself is not told our number, which a signature would say to all."""
    return trunk is not None and trunk.hide_caller_id and not trunk.assert_identity


def _allowed_caller_id(trunk: TrunkSection, caller_id: str) -> str:
    if not is_caller_id(caller_id):
        raise RequestError("`caller_id` is no number, such as +4930123456")
    number = parties.form_of_ours(trunk).of(caller_id)
    if number == trunk.caller_id:
        return number
    patterns = trunk.allowed_caller_ids
    rule = allowed.refused_by(number, patterns) if patterns else "there is none"
    if rule:
        raise ForbiddenError(trunk.name, "allowed_caller_ids", f"{number}: {rule}")
    return number


def _ours(number: str, name: str, id_uri: str) -> Caller:
    if not number:
        return NOBODY
    return Caller(number, name=name, host=host_of(id_uri), header="From")
