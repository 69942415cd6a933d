"""Signed requests, by the Standard Webhooks specification: a server that has the secret can check
that a request is ours, complete and fresh.

    webhook-id:        one per message, the same for each attempt
    webhook-timestamp: seconds since 1970, of this attempt
    webhook-signature: v1,base64(HMAC-SHA256(secret, "id.timestamp.body")), one for each secret
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"
_SHORTEST_BYTES = 24
_LONGEST_BYTES = 64


class Signer:
    """The signer. Raises ValueError for an invalid secret, without repeating it.

    With several secrets each signs: a receiver is satisfied by the one that it has, so that secrets
    can be changed on one side after the other.
    """

    def __init__(self, secret: str, *more: str) -> None:
        self._keys = tuple(map(_key, (secret, *more)))

    def headers(self, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
        signed = f"{message_id}.{timestamp_s}.".encode() + body
        digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in self._keys)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": " ".join(
                f"v1,{base64.b64encode(digest).decode()}" for digest in digests
            ),
        }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    if not _SHORTEST_BYTES <= len(key) <= _LONGEST_BYTES:
        raise ValueError(
            f"is {len(key)} bytes long: {_SHORTEST_BYTES} to {_LONGEST_BYTES} are safe"
        )
    return key
