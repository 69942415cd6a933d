"""What a receiver of webhooks has got, judged by the official package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from standardwebhooks import Webhook

from support.calls.hook_server import Received

SECRET = "whsec_" + "b2xkIHNlY3JldCBvZiB0aGUgdGVzdHMsIDMyIGJ5dGVz"
NEW_SECRET = "whsec_" + "bmV3IHNlY3JldCBvZiB0aGUgdGVzdHMsIDMyIGJ5dGVz"


def verified(requests: Sequence[Received], secret: str = SECRET) -> list[dict[str, Any]]:
    """Their events; raises for one whose signature is wrong or that is not fresh."""
    return [Webhook(secret).verify(request.body, request.headers) for request in requests]


def in_order(events: Sequence[dict[str, Any]]) -> bool:
    """Whether each call's events came first in their order; one that comes again does not count."""
    seen, last = set[str](), dict[str, tuple[str, str]]()
    for event in events:
        if event["id"] in seen:
            continue
        seen.add(event["id"])
        call, place = event.get("subject", ""), (event["id"].split("-")[0], event["sequence"])
        before = last.get(call)
        if before is not None and before[0] == place[0] and place[1] <= before[1]:
            return False
        last[call] = place
    return True
