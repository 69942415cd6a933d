"""The address of an agent that is not public: the vendor signs one for each conversation."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from sipua.bridge.engine_api.errors import EngineConnectError, ErrorKind
from sipua.bridge.engine_api.protocol import Address, Locate

MAX_BYTES: Final = 64 * 1024
_TEXT_CHARS: Final = 200

_KINDS: Final[dict[int, ErrorKind]] = {
    401: "unauthorized",
    403: "forbidden",
    408: "timeout",
    429: "rate_limited",
}


class _Signed(msgspec.Struct):
    signed_url: str


class _Detail(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    detail: _Detail | str | msgspec.UnsetType = msgspec.UNSET


def locate(service: str, api_key: str, headers: dict[str, str]) -> Locate:
    """`headers`: those of the websocket that is opened then."""

    async def ask(timeout_s: float) -> Address:
        where = _shown(service)
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s)) as session,
                session.get(
                    service, headers={"xi-api-key": api_key}, allow_redirects=False
                ) as answer,
            ):
                body = await _limited(answer, where)
                status, again = answer.status, answer.headers.get("Retry-After", "")
        except TimeoutError:
            raise EngineConnectError(
                "timeout", f"{where} has not answered within {timeout_s:g} s"
            ) from None
        except aiohttp.ClientConnectorDNSError:
            raise EngineConnectError("dns", f"{where}: the name is not known") from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
            raise EngineConnectError("tls", f"{where}: {type(error).__name__}") from None
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise EngineConnectError("refused", f"{where}: {type(error).__name__}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise EngineConnectError("protocol", f"{where}: {type(error).__name__}") from None
        if status != 200:
            raise _refused(where, status, body, again, api_key)
        return Address(_address(where, body, service), headers)

    return ask


async def _limited(answer: aiohttp.ClientResponse, where: str) -> bytes:
    body = await answer.content.read(MAX_BYTES + 1)
    while not answer.content.at_eof() and len(body) <= MAX_BYTES:
        body += await answer.content.read(MAX_BYTES + 1 - len(body))
    if len(body) > MAX_BYTES:
        raise EngineConnectError("protocol", f"{where} answered with more than {MAX_BYTES} bytes")
    return body


def _address(where: str, body: bytes, service: str) -> str:
    try:
        url = msgspec.json.decode(body, type=_Signed).signed_url
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    except (msgspec.DecodeError, UnicodeError, ValueError, RecursionError):
        raise EngineConnectError("protocol", f"{where} answered with no address") from None
    # In the clear only where it was asked for in the clear.
    if not host or scheme not in ("wss", "ws" if service.startswith("http:") else "wss"):
        raise EngineConnectError("protocol", f"{where} answered with no websocket's address")
    return url


def _refused(where: str, status: int, body: bytes, again: str, secret: str) -> EngineConnectError:
    kind = _KINDS.get(status, "server" if status >= 500 else "protocol")
    said = _said(body).replace(secret, "…")[:_TEXT_CHARS]
    retry_after_s = float(again) if again.isascii() and again.isdigit() else None
    message = ": ".join(filter(None, (f"{where} answered {status}", said)))
    return EngineConnectError(kind, message, status=status, retry_after_s=retry_after_s)


def _said(body: bytes) -> str:
    try:
        detail = msgspec.json.decode(body, type=_Refusal).detail
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    if isinstance(detail, _Detail):
        return " ".join(detail.message.split())
    return " ".join(detail.split()) if isinstance(detail, str) else ""


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
