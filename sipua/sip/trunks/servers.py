"""The servers of all trunks: which is up, left out, tried first. No clock and no I/O.

             a call, or OPTIONS, is answered
    unknown ────────────────────────────────▶ up
       │                                      │
       └─▶ down ◀─────────────────────────────┘  no answer, no connection, no address, 408, 503
            │  └──▶ up: when it answers
            └─ is tried again after a rest; with OPTIONS, once it answers these

Calls leave out a server that is down while another one is not; when all are down, all are tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from sipua.sip.dns.names import by_priority
from sipua.sip.peer_news import ServerDown, ServerNews, ServerProbed, ServerUp
from sipua.sip.settings import AccountSettings

LONGEST_REST_S = 300.0
"""Whatever a Retry-After says."""
_SOFT_FAILURES = 3
"""So many calls in a row that a server failed (500, 502, 504): then it is no matter of one call."""


@dataclass(slots=True)
class _State:
    settings: AccountSettings
    up: bool | None = None
    """None: nothing is known of it yet."""
    down_since: float = 0.0
    rest_until: float = float("-inf")
    refusing: bool = False
    """It answers, and takes no calls: an answer to OPTIONS proves nothing."""
    soft_failures: int = 0

    def left_out(self, now: float) -> bool:
        silent = self.up is False and self.settings.options_s > 0 and not self.refusing
        return silent or now < self.rest_until


class TrunkServers:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._states: dict[str, _State] = {}
        """By the name of the account."""

    def use(self, accounts: Iterable[AccountSettings]) -> None:
        """These are the servers from now on. One that was there before stays as it was."""
        before, self._states = self._states, {}
        for settings in accounts:
            if settings.trunk:
                old = before.get(settings.name)
                same = old is not None and old.settings == settings
                self._states[settings.name] = old if old and same else _State(settings)

    def of(self, trunk: str) -> list[AccountSettings]:
        """In the order of the configuration."""
        return [one.settings for one in self._states.values() if one.settings.trunk == trunk]

    def order(self, trunk: str, now: float) -> list[AccountSettings]:
        """The way of a call: by priority and weight; those that are left out come last."""
        drawn = by_priority(self.of(trunk), self._rng)
        return sorted(drawn, key=lambda one: self._states[one.name].left_out(now))

    def left_out(self, name: str, now: float) -> bool:
        """By the name of the account."""
        state = self._states.get(name)
        return state is not None and state.left_out(now)

    # --- news -----------------------------------------------------------------------------

    def answered(
        self, name: str, now: float, round_trip_s: float | None = None
    ) -> ServerNews | None:
        """It has said something. `round_trip_s`: to an OPTIONS; None: to a call."""
        state = self._states.get(name)
        if state is None or (state.refusing and now < state.rest_until):
            return None
        was_up, down_s = state.up, now - state.down_since
        state.up, state.refusing, state.rest_until = True, False, float("-inf")
        settings = state.settings
        if was_up:
            if round_trip_s is None:
                return None
            return ServerProbed(settings.trunk, settings.proxy, round_trip_s)
        down = None if was_up is None else down_s
        if down is None and round_trip_s is None:
            return None  # that a call gets through is no news
        return ServerUp(settings.trunk, settings.proxy, round_trip_s, down)

    def took(self, name: str, now: float) -> ServerNews | None:
        """It has passed a call on, or said what the callee says."""
        if state := self._states.get(name):
            state.soft_failures, state.refusing = 0, False
        return self.answered(name, now)

    def silent(self, name: str, cause: str, now: float) -> ServerDown | None:
        """There is no answer, no connection, or no address."""
        if state := self._states.get(name):
            state.refusing = False
        return self._down(name, cause, now, None)

    def refused(
        self, name: str, cause: str, now: float, retry_after_s: float | None
    ) -> ServerDown | None:
        """It takes no calls, for so long."""
        state = self._states.get(name)
        if state is not None:
            state.refusing = True
        return self._down(name, cause, now, retry_after_s)

    def failed_a_call(self, name: str, cause: str, now: float) -> ServerDown | None:
        """It could not handle a call: that may be the call's fault, unless it happens again."""
        state = self._states.get(name)
        if state is None:
            return None
        state.soft_failures += 1
        if state.soft_failures < _SOFT_FAILURES:
            return None
        state.soft_failures = 0
        return self.refused(name, f"{cause}, {_SOFT_FAILURES} calls in a row", now, None)

    def _down(
        self, name: str, cause: str, now: float, retry_after_s: float | None
    ) -> ServerDown | None:
        state = self._states.get(name)
        if state is None:
            return None
        settings = state.settings
        rest_s = settings.rest_s if retry_after_s is None else min(retry_after_s, LONGEST_REST_S)
        state.rest_until = now + rest_s
        was_down, state.up = state.up is False, False
        if was_down:
            return None
        state.down_since = now
        probed = settings.options_s > 0 and not state.refusing
        return ServerDown(settings.trunk, settings.proxy, cause, None if probed else rest_s)
