"""Twilio's own client, which asks an edge: as docs/twilio.md shows it."""

from typing import Any
from urllib.parse import urlsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

ACCOUNT = "AC0123456789abcdef0123456789abcdef"


class _ToTheEdge(TwilioHttpClient):
    def __init__(self, url: str) -> None:
        super().__init__(timeout=10)
        self._url = url.rstrip("/")

    def request(self, method: str, url: str, *args: Any, **more: Any) -> Response:
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{self._url}{parts.path}{query}", *args, **more)


def twilio_client(url: str, token: str, *, user: str = ACCOUNT, account: str = ACCOUNT) -> Client:
    """`url`: of the API."""
    return Client(user, token, account, http_client=_ToTheEdge(url))
