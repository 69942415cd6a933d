"""X-Twilio-Signature: how an agent knows that a request comes from its own edge.

It is the HMAC-SHA1, by the auth token of the account, of the URL as it is configured, followed by
the parameters of a form: each name in order, and each of its values in order, with nothing between
them. A request without a form (GET, the upgrade to a websocket) is signed over its URL alone, with
`wss://` in it if it is a websocket's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

HEADER: Final = "X-Twilio-Signature"


def signature(
    auth_token: str, url: str, form: Mapping[str, str | Sequence[str]] | None = None
) -> str:
    """`form`: by name, its value, or all that it has."""
    text = url
    for name, value in sorted((form or {}).items()):
        values = {value} if isinstance(value, str) else set(value)
        text += "".join(name + one for one in sorted(values))
    mac = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()
