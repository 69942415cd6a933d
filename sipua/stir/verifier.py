"""Verification of callers, on the edge's loop: what needs no certificate, or one that is known, is
decided at once; else the certificate is fetched, once for all calls that wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sipua.process.web.addresses import Network
from sipua.sip.wire.verdict import Claim
from sipua.stir.certificate import Authorities, Signer
from sipua.stir.certificates import Certificates
from sipua.stir.faults import BAD_INFO, IdentityError
from sipua.stir.fetch import Fetcher
from sipua.stir.fetch_limits import FetchLimits, TooMany
from sipua.stir.verify import Outcome, Reading


@dataclass(frozen=True, slots=True)
class VerifySettings:
    authorities: bytes
    """PEM."""
    max_age_s: float = 60.0
    timeout_s: float = 2.0
    allow: tuple[Network, ...] = ()
    """Networks that may be asked for certificates, beside public ones."""
    ca_file: str = ""


class Verifier:
    def __init__(
        self,
        settings: VerifySettings,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ValueError: the authorities cannot be read."""
        self.settings = settings
        self._authorities = Authorities(settings.authorities)
        self._certificates = Certificates()
        self._limits = FetchLimits()
        self._fetcher = Fetcher(
            settings.allow, settings.ca_file, settings.timeout_s, self._may_connect
        )
        self.not_fetched: Callable[[TooMany, str], None] = _nothing
        """Hears of each certificate that was not asked for, and of its host."""
        self._fetches: dict[str, asyncio.Task[None]] = {}
        self._wall = wall
        self._clock = clock

    def read(self, claim: Claim) -> Reading:
        return Reading(claim, self._wall(), self.settings.max_age_s)

    def known(self, reading: Reading) -> Outcome | None:
        """The outcome, if nothing has to be fetched for it."""
        now = self._clock()
        found = {url: self._certificates.get(url, now) for url in reading.urls}
        known = {url: one for url, one in found.items() if one is not None}
        return reading.verdict(known) if len(known) == len(found) else None

    async def outcome(self, reading: Reading) -> Outcome:
        """Within `timeout_s`."""
        found: dict[str, Signer | IdentityError] = {}
        begun = {url: self._fetch(url) for url in reading.urls}
        if tasks := [one for one in begun.values() if isinstance(one, asyncio.Task)]:
            await asyncio.wait(tasks, timeout=self.settings.timeout_s)
        for url, one in begun.items():
            known = self._certificates.get(url, self._clock())
            why = one if isinstance(one, str) else _NOT_IN_TIME
            found[url] = known or IdentityError(BAD_INFO, why)
        return reading.verdict(found)

    async def close(self) -> None:
        tasks = list(self._fetches.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._fetcher.close()

    def _fetch(self, url: str) -> asyncio.Task[None] | str | None:
        """Under way, or begun; or why it is not; None: it is known."""
        if running := self._fetches.get(url):
            return running
        now = self._clock()
        if self._certificates.get(url, now) is not None:
            return None
        host = urlsplit(url).hostname or ""
        if too_many := self._limits.begin(host, now):
            self.not_fetched(too_many, host)
            return _TOO_MANY
        self._fetches[url] = running = asyncio.create_task(self._learn(url))

        def over(_: object) -> None:
            self._fetches.pop(url, None)
            self._limits.end(host)

        running.add_done_callback(over)
        return running

    def _may_connect(self, address: str) -> bool:
        may = self._limits.may_connect(address, self._clock())
        if not may:
            self.not_fetched("address_rate", address)
        return may

    async def _learn(self, url: str) -> None:
        """Never raises, but CancelledError: what comes of it is kept."""
        unusable = False
        try:
            pem, lifetime_s = await self._fetcher.fetch(url)
            unusable = True
            signer = self._authorities.signer(pem, self._wall())
        except IdentityError as error:
            self._certificates.failed(url, error, self._clock(), unusable=unusable)
        except Exception as error:  # noqa: BLE001 (whatever it is, calls wait for the outcome)
            words = f"its certificate was not found: {type(error).__name__}"
            failure = IdentityError(BAD_INFO, words)
            self._certificates.failed(url, failure, self._clock(), unusable=unusable)
        else:
            self._certificates.put(
                url, signer, lifetime_s, self._clock(), valid_s=signer.until - self._wall()
            )


def _nothing(_why: TooMany, _host: str) -> None:
    """Nobody wants to know."""


_NOT_IN_TIME: Final = "its certificate was not found in time"
_TOO_MANY: Final = "its certificate was not asked for: too many are"
