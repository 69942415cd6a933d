"""Whether an INVITE is from a user of its trunk (RFC 3261 22, RFC 7616).

    no Authorization that can be read     401
    a nonce that is old, used, another's  401, stale=true: the client tries again by itself
    no such user, wrong password, locked  401, and told in the log

Whatever is wrong, the answer is the same but for `stale`, which does not depend on the password or
the user; and the same hashes are made for it, so that it does not come sooner, either.
"""

from __future__ import annotations

import hmac

from sipua.sip.admission.admission import Refusal
from sipua.sip.admission.lockouts import LOCKED_S, Lockouts
from sipua.sip.admission.nonces import Nonces
from sipua.sip.wire import digest
from sipua.sip.wire.digest import Credentials, DigestUsers
from sipua.sip.wire.texts import Message

RULE = "users"
"""The key of the trunk that asks for it."""
UNREADABLE = (
    "its Authorization is not the digest that was asked for: realm and algorithm as in our "
    "challenge, qop=auth"
)


class Authenticator:
    """Pure: `now` is passed in."""

    def __init__(self) -> None:
        self._nonces = Nonces()
        self._lockouts = Lockouts()

    def judge(
        self, users: DigestUsers, method: str, message: Message, source: str, now: float
    ) -> Refusal | None:
        """None: it is from one of them."""
        credentials = digest.of_realm(message, users)
        if credentials is None:
            tried = message.header("Authorization") is not None
            return self._challenge(users, source, now, because=UNREADABLE if tried else "")
        if not self._nonces.fresh(credentials.nonce, source, now):
            return self._challenge(users, source, now, stale=True)
        if cause := self._wrong(users, credentials, method, source, now):
            return self._challenge(users, source, now, because=cause)
        if not self._nonces.use(credentials.nonce, int(credentials.count, 16), source, now):
            return self._challenge(users, source, now, stale=True)
        return None

    def _wrong(
        self, users: DigestUsers, credentials: Credentials, method: str, source: str, now: float
    ) -> str:
        """Why these credentials do not count; empty: they do."""
        user = credentials.user
        right = hmac.compare_digest(users.expected(credentials, method), credentials.response)
        if not users.knows(user):
            return f"no user {user[:64]}"
        if self._lockouts.locked(source, user, now):
            return f"user {user} is locked out at this source for {LOCKED_S:g} s"
        if not right:
            self._lockouts.failed(source, user, now)
            return f"wrong password of user {user}"
        self._lockouts.succeeded(source, user)
        return ""

    def _challenge(
        self, users: DigestUsers, source: str, now: float, *, stale: bool = False, because: str = ""
    ) -> Refusal:
        nonce = self._nonces.make(source, now)
        return Refusal(
            401,
            "Unauthorized",
            because=because,
            rule=RULE,
            challenges=digest.challenges(users, nonce, stale=stale),
        )
