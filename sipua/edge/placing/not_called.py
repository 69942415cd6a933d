"""Whether a number is in the list of those that are not called, as the configuration wants it."""

from __future__ import annotations

from datetime import UTC, datetime

from sipua.campaigns.store.databases import StoreError
from sipua.config import Config
from sipua.edge.placing.outgoing import ForbiddenError
from sipua.edge.wiring import outbound
from sipua.log import logs

RULE = "do_not_call"


class UnreadableError(ForbiddenError):
    """The list is there, and cannot be read: no number is called."""


def check(config: Config, called: str, origin: str) -> None:
    """`called`: a number, or the user of a URI. It may wait for a disk. Raises ForbiddenError,
    UnreadableError."""
    section = config.outbound
    if not section.do_not_call:
        return
    try:
        entry = outbound.do_not_call_list(config).find(called)
    except StoreError as error:
        if section.list_unreadable == "call":
            logs.get().warning("do_not_call.unreadable", cause=str(error), fix="the file")
            return
        cause = f"the list cannot be read: {error}"
        raise UnreadableError(origin, RULE, cause, f"{RULE}: {cause}") from None
    if entry is not None:
        since = datetime.fromtimestamp(entry.at_s, UTC).date().isoformat()
        cause = f"in the list since {since}, by {entry.by}"
        raise ForbiddenError(origin, RULE, cause, f"{RULE}: {cause}")
