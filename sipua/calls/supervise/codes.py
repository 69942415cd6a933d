"""Calls to a code of ours: a supervisor who dials in, a phone that fetches a parked call. No I/O.

*55                the call that was answered last
*55 100            the newest of those that called 100
*55 sales          the newest of this route (a phone that dials letters)
*55 2hp5vgaq       this call, by its id, with or without `c-`
*56 7              the call that is parked in slot 7
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import unquote

from sipua.calls.routes import addresses
from sipua.calls.steer.commands import Mode

_LONGEST: Final = 64
PIN_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class CodeRule:
    """Of one code."""

    section: str = "supervise"
    """Of the configuration."""
    prefix: str = ""
    """Empty: there is no such code."""
    accounts: Sequence[str] = ()
    """The accounts and trunks that it may be dialled from."""
    callers: Sequence[str] = ()
    """Patterns of who may dial it; empty: each caller of these."""

    def behind(self, uris: Iterable[str]) -> str | None:
        """What was dialled behind the prefix; None: it was another number."""
        if not self.prefix:
            return None
        for uri in uris:
            user = unquote(addresses(uri)[0])
            if user.startswith(self.prefix) and len(user) <= _LONGEST:
                return user[len(self.prefix) :]
        return None

    def refuses(self, origin: str, caller: str) -> str:
        """The key that refuses the one who dials; empty: none does."""
        if origin not in self.accounts:
            return "accounts"
        if not self.callers:
            return ""
        known = addresses(caller)
        fits = any(
            fnmatchcase(one, pattern)
            for pattern in self.callers
            for one in known
            if ("@" in pattern) == ("@" in one)
        )
        return "" if fits else "callers"


@dataclass(frozen=True, slots=True)
class CallUp:
    """A call that is answered."""

    call_id: str
    called: Sequence[str]
    """The numbers that were called, of either side's form."""
    route: str
    answered_at: float


@dataclass(frozen=True, slots=True)
class DialledIn:
    """A supervisor who has dialled in, for the worker of the call."""

    who: str
    mode: Mode
    fetches: bool = False
    """It is for a parked call, and may have come too late."""


def meant(dialled: str, calls: Iterable[CallUp]) -> CallUp | None:
    """The call that is meant; None: there is none."""
    fitting = (one for one in calls if not dialled or _fits(dialled, one))
    return max(fitting, key=lambda one: one.answered_at, default=None)


def _fits(dialled: str, call: CallUp) -> bool:
    ids = (call.call_id, call.call_id.removeprefix("c-"))
    return dialled in (*ids, *call.called) or (bool(call.route) and dialled == call.route)


@dataclass(slots=True)
class PinEntry:
    """Keys, until they are the PIN. `#` begins anew."""

    pin: str
    tries: int = 0
    _keys: list[str] = field(default_factory=list)

    def press(self, key: str) -> bool | None:
        """True: it is right; False: it was wrong too often; None: more is needed."""
        if key == "#":
            self._keys.clear()
            return None
        self._keys.append(key)
        if len(self._keys) < len(self.pin):
            return None
        if hmac.compare_digest("".join(self._keys).encode(), self.pin.encode()):
            return True
        self._keys.clear()
        self.tries += 1
        return False if self.tries >= PIN_TRIES else None


class ParkSlots:
    """Which call is parked where, in an edge."""

    def __init__(self) -> None:
        self.most = 0
        self._calls: dict[str, str] = {}

    def take(self, call_id: str) -> str:
        """The one that the call has, or the lowest free one; empty: there is none."""
        for slot, parked in self._calls.items():
            if parked == call_id:
                return slot
        free = (str(number) for number in range(1, self.most + 1) if str(number) not in self._calls)
        slot = next(free, "")
        if slot:
            self._calls[slot] = call_id
        return slot

    def free(self, call_id: str) -> None:
        for slot in [slot for slot, parked in self._calls.items() if parked == call_id]:
            del self._calls[slot]

    def call_in(self, slot: str) -> str | None:
        return self._calls.get(slot)
