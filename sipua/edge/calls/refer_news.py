"""What becomes of a REFER of a peer, as events of its call."""

from __future__ import annotations

from sipua.events import call_events, refer_events
from sipua.events.event import Event
from sipua.sip.wire.refer_messages import ReferNews


def told(news: ReferNews) -> Event:
    match news.state:
        case "invited":
            return call_events.Leg(
                target=news.target, account=news.account, sip_call_id=news.sip_call_id, leg="a"
            )
        case "progress":
            return refer_events.ReferProgress(
                target=news.target, status=news.status, reason=news.reason
            )
        case _:
            return refer_events.ReferFailed(
                target=news.target, status=news.status, reason=news.reason
            )
