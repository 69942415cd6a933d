"""The agents that one call may have, one after the other, and the menus that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from sipua.calls.menus.menu import Action, Menu
from sipua.events.ending import Reason


class Way(NamedTuple):
    """What a call goes on with."""

    action: Action | None
    """None: a person has it, or it is over."""
    why: tuple[Reason, str]
    """Should it end, for `call.ended`."""
    left: str = ""
    """How a queue was left, in a word; empty: it was none."""


class Agents(Protocol):
    @property
    def menus(self) -> Mapping[str, Menu]: ...

    @property
    def talking(self) -> bool:
        """Whether one has the call, and not a menu."""

    def note(self, event: str, fields: Mapping[str, Any]) -> None:
        """For the record of the call: `menu.entered` and such."""

    async def change(self, route: str) -> None:
        """The agent of this route has the call from now on; it is not connected yet."""
