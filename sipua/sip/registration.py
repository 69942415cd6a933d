"""The decisions when to register again, without a clock or a socket.

pjsip does the transactions and the digest and refreshes before the expiry; its own retry
after a failure is turned off, because it repeats a wrong password at once. The registrar's
answer is judged here, once, and the verdict is: again in so many seconds, or not at all, and
what the operator should do about it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from sipua.bridge.backoff import doubled_s, less_by_chance

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 20.0  # we are registered within 30 s after a registrar comes back
LONGEST_UNRESOLVED_S = 8.0
"""With a silent DNS server an attempt alone takes 20 s, and 30 s are promised."""
LONGEST_RETRY_AFTER_S = 3600.0
UNRESOLVED = 502
"""pjsip's own status when the name has no address; a registrar hardly ever sends it."""

# Final for these credentials: repeating only locks the account (fail2ban) and fills logs.
_FINAL = {
    401: "check user, auth_user and password of this account; the registrar refuses the digest",
    403: "the registrar forbids this account: check user and password, and whether it is blocked",
    404: "the registrar does not know this user: check `user` and the domain in `registrar`",
    405: "this host is no registrar: check `registrar`",
    407: "check user, auth_user and password of this account; the proxy refuses the digest",
    416: "check the scheme in `registrar`: sip:host:port;transport=udp",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after a failed REGISTER. `retry_in_s` None: do not try again."""

    retry_in_s: float | None
    fix: str


class RetryPolicy:
    """The back-off of one account."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, status: int, retry_after_s: float | None) -> Verdict:
        if status in _FINAL:
            return Verdict(None, _FINAL[status])
        self._failures += 1
        if retry_after_s is not None:
            wait = min(max(retry_after_s, 0.0), LONGEST_RETRY_AFTER_S)
            # Never earlier than requested; the jitter spreads many edges that got the same value.
            return Verdict(wait * self._rng.uniform(1.0, 1.1), "the registrar asks us to wait")
        longest = LONGEST_UNRESOLVED_S if status == UNRESOLVED else LONGEST_RETRY_S
        wait = doubled_s(FIRST_RETRY_S, self._failures - 1, longest)
        return Verdict(less_by_chance(wait, self._rng.random, share=0.25), _hint(status))


def _hint(status: int) -> str:
    if status == UNRESOLVED:
        return "the host in `registrar` is unknown: check its name, and this machine's DNS"
    if status in (408, 503):
        return "the registrar does not answer: is it up, and is this address and port right?"
    if status == 423:
        return "the registrar wants a longer registration: raise `expires_s`"
    return "the registrar has failed; nothing to do unless this repeats"


def parse_retry_after(value: str | None) -> float | None:
    """RFC 3261 20.33: seconds first, then perhaps a comment and parameters."""
    if value is None:
        return None
    digits = value.strip().split(";")[0].split("(")[0].strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        return None
    return float(digits)


def parse_realm(challenge: str | None) -> str | None:
    """The realm of a Digest challenge (RFC 2617 3.2.1); None for any other scheme."""
    if challenge is None or not challenge.lower().startswith("digest"):
        return None
    marker = challenge.lower().find("realm=")
    if marker < 0:
        return None
    rest = challenge[marker + len("realm=") :].lstrip()
    if not rest.startswith('"'):
        return rest.split(",")[0].strip() or None
    realm = []
    escaped = False
    for char in rest[1:]:
        if escaped:
            realm.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            return "".join(realm)
        else:
            realm.append(char)
    return None
