"""The call to a party that a REFER names, as its trunk wants it: the rules of each call that we
place hold for it.
"""

from __future__ import annotations

from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.edge.placing import placing
from sipua.edge.placing.outgoing import outgoing
from sipua.edge.wiring import parties, wiring
from sipua.sip.settings import SipSettings
from sipua.sip.wire.refer_messages import FollowRefer, ReferAsked

_NOWHERE = ("", 0)


def follow(config: Config, settings: SipSettings, asked: ReferAsked) -> FollowRefer:
    """By the account or trunk of the call, if calls can be placed by it; else straight to the host
    of the target. Raises RequestError, ForbiddenError, UriError."""
    account = asked.origin if _places_calls(config, asked.origin) else ""
    id_uri = placing.id_uri(settings, account)
    sign = placing.sign(settings, account)
    out = outgoing(
        config, asked.origin, asked.target, id_uri=id_uri, sign=sign, given={}, of_route={}
    )
    uri = target_uri(out.to, wiring.peer_of(config, account, _NOWHERE) if account else "")
    placing.check_uri(uri)
    placing.check_family(config, uri)
    headers = dict(out.headers)
    if asked.referred_by:
        headers["Referred-By"] = f"<{asked.referred_by}>"
    if asked.replaces:
        headers["Replaces"] = asked.replaces
    return FollowRefer(asked.call_id, asked.leg_id, uri, account, headers)


def _places_calls(config: Config, origin: str) -> bool:
    trunk = parties.trunk_named(config, origin)
    return bool(trunk.every_server) if trunk else any(a.name == origin for a in config.accounts)
