"""URLs that a document names: complete ones, or such that go on from the document's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from sipua.twilio.twiml.verbs import Remark, StatusCallback

INVALID_URL: Final = 11_100
"""As the vendor numbers it."""
WEB: Final = ("http", "https")
SOCKET: Final = ("ws", "wss")
LONGEST: Final = 4096
_AS_IT_IS: Final = "%:/?#[]@!$&'()*+,;=~"


def resolved(base: str, url: str, schemes: tuple[str, ...] = WEB) -> str | None:
    """The complete URL, without a fragment, as it is sent and signed; None: it is none of these
    schemes. `base`: the document's own, empty where it has none."""
    if len(url) > LONGEST or not url.isprintable() or " " in url:
        return None
    if schemes == SOCKET and base.startswith("http"):
        base = "ws" + base.removeprefix("http")
    try:
        whole = urldefrag(urljoin(base, url)).url
        parts = urlsplit(whole)
        parts.port  # noqa: B018 - the property is the check
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in schemes or not host or not host.isascii() or parts.username is not None:
        return None
    return quote(whole, safe=_AS_IT_IS)


def origin_of(url: str) -> tuple[str, int]:
    """Host and port of one that is complete."""
    parts = urlsplit(url)
    usual = 443 if parts.scheme in ("https", "wss") else 80
    return (parts.hostname or "").lower(), parts.port or usual


def resolved_callback(
    base: str, callback: StatusCallback | None, name: str
) -> tuple[StatusCallback | None, Sequence[Remark]]:
    """The same of a callback; None, and a remark, where its URL is none. `name`: for that."""
    if callback is None:
        return None, ()
    whole = resolved(base, callback.url)
    if whole is None:
        return None, [Remark(INVALID_URL, f"{name} is not valid")]
    return replace(callback, url=whole), ()


def host_of(url: str) -> str:
    """Of a URL that is complete."""
    return (urlsplit(url).hostname or "").lower()
