"""OPTIONS to the servers of trunks: when each is sent, and what its outcome says.

One is under way for a server at a time. pjsip repeats it for 32 s, every 4 s in the end (RFC 3261
17.1.2), so a server that comes back is seen within seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sipua.sip.peer_news import ServerNews
from sipua.sip.settings import AccountSettings
from sipua.sip.trunks.failover import BAD_GATEWAY, GATEWAY_TIMEOUT, takes_no_calls
from sipua.sip.trunks.servers import TrunkServers

PATIENCE_S = 4.0
"""By then an OPTIONS has been sent five times, over UDP."""
WHILE_DOWN_S = 5.0
"""The longest pause before a server that is down is asked again."""
_BETWEEN_S = 0.05
"""Between the first ones: a hundred servers are not asked in the same moment."""


@dataclass(slots=True)
class _Probe:
    settings: AccountSettings
    sent_at: float | None = None
    """None: none is under way."""
    count: int = 0


class Probes:
    def __init__(
        self,
        servers: TrunkServers,
        *,
        send: Callable[[str], None],
        after: Callable[[float, Callable[[], None]], None],
        tell: Callable[[ServerNews], None],
        now: Callable[[], float],
    ) -> None:
        """`send`: an OPTIONS to the server of this account; it may raise."""
        self._servers = servers
        self._send = send
        self._after = after
        self._tell = tell
        self._now = now
        self._probes: dict[str, _Probe] = {}

    def use(self, accounts: Iterable[AccountSettings]) -> None:
        """Ask these from now on, and no others. One that is the same goes on as it was."""
        wanted = [one for one in accounts if one.trunk and one.options_s]
        before, self._probes = self._probes, {}
        for place, settings in enumerate(wanted):
            old = before.get(settings.name)
            if old is not None and old.settings == settings:
                self._probes[settings.name] = old
                continue
            self._probes[settings.name] = probe = _Probe(settings)
            self._later(place * _BETWEEN_S, probe)

    def close(self) -> None:
        self._probes.clear()

    def outcome(self, name: str, status: int, reason: str, *, answered: bool) -> None:
        """`answered`: by the server; else the status is our own: no answer, no connection."""
        probe = self._probes.get(name)
        if probe is None or probe.sent_at is None:
            return
        now, took_s = self._now(), self._now() - probe.sent_at
        probe.sent_at = None
        words = f"{status} {reason} to OPTIONS"
        unfit = takes_no_calls(status) or status in (BAD_GATEWAY, GATEWAY_TIMEOUT)
        if answered and not unfit:
            self._news(self._servers.answered(name, now, took_s))
            self._later(probe.settings.options_s, probe)
        else:
            cause = words if answered else f"no answer to OPTIONS: {reason}"
            self._news(self._servers.silent(name, cause, now))
            self._later(min(WHILE_DOWN_S, probe.settings.options_s), probe)

    def _later(self, delay_s: float, probe: _Probe) -> None:
        self._after(delay_s, lambda: self._probe(probe))

    def _in_use(self, probe: _Probe) -> bool:
        return self._probes.get(probe.settings.name) is probe

    def _probe(self, probe: _Probe) -> None:
        if not self._in_use(probe):
            return
        name = probe.settings.name
        probe.sent_at = self._now()
        probe.count += 1
        count = probe.count
        try:
            self._send(name)
        except Exception as error:  # noqa: BLE001 (it is tried again)
            if probe.sent_at is not None:  # else its outcome has been told from within
                self.outcome(name, 0, str(error), answered=False)
            return

        def late() -> None:
            if self._in_use(probe) and probe.sent_at is not None and probe.count == count:
                cause = f"no answer to OPTIONS within {PATIENCE_S:g} s"
                self._news(self._servers.silent(name, cause, self._now()))

        self._after(PATIENCE_S, late)

    def _news(self, news: ServerNews | None) -> None:
        if news is not None:
            self._tell(news)
