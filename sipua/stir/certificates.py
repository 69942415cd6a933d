"""The certificates of signers that are known, by their URL. No I/O and no clock.

    fresh   for as long as its server says, from a minute to a day
    stale   used on while its server cannot be asked, a day more at most
    failed  not asked for again for half a minute, whoever wants it

Nothing here outlives a certificate itself: that is checked with each call.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sipua.stir.certificate import Signer
from sipua.stir.faults import IdentityError

MOST: Final = 512
"""Of good ones, and of failures: so that made-up URLs displace no good one."""
LEAST_S, LONGEST_S, USUAL_S = 60.0, 86_400.0, 3600.0
STALE_S: Final = 86_400.0
RETRY_S: Final = 30.0


@dataclass(slots=True)
class _Known:
    signer: Signer
    fresh_until: float
    stale_until: float


class Certificates:
    """`now`: the monotonic clock."""

    def __init__(self) -> None:
        self._good: _Recent[_Known] = _Recent()
        self._failed: _Recent[tuple[IdentityError, float]] = _Recent()

    def get(self, url: str, now: float) -> Signer | IdentityError | None:
        """None: it has to be fetched."""
        known = self._good.get(url)
        if known is not None and now < known.fresh_until:
            return known.signer
        failed = self._failed.get(url)
        if failed is None or now >= failed[1]:
            return None
        return known.signer if known is not None and now < known.stale_until else failed[0]

    def put(
        self, url: str, signer: Signer, lifetime_s: float | None, now: float, *, valid_s: float
    ) -> None:
        """`lifetime_s`: by its server; None: it says nothing. `valid_s`: until it expires, and its
        server has another one."""
        lifetime_s = min(USUAL_S if lifetime_s is None else lifetime_s, valid_s)
        fresh_s = min(max(lifetime_s, LEAST_S), LONGEST_S)
        self._good.put(url, _Known(signer, now + fresh_s, now + fresh_s + STALE_S))
        self._failed.pop(url)

    def failed(self, url: str, error: IdentityError, now: float, *, unusable: bool) -> None:
        """`unusable`: it was there, and is no certificate that is trusted; the one before it is not
        used on."""
        self._failed.put(url, (error, now + RETRY_S))
        if unusable:
            self._good.pop(url)


Kept = TypeVar("Kept")


class _Recent(Generic[Kept]):
    """The ones that were used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def get(self, url: str) -> Kept | None:
        if url in self._kept:
            self._kept.move_to_end(url)
        return self._kept.get(url)

    def put(self, url: str, one: Kept) -> None:
        self._kept[url] = one
        self._kept.move_to_end(url)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def pop(self, url: str) -> None:
        self._kept.pop(url, None)
