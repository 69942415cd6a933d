"""The exceptions of the websocket's library and of the network, as the errors of an engine."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, ProxyError

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_link.errors import EngineClosed, Scrubber, address, refused_upgrade


def closing_of(error: ConnectionClosed, lost_reason: str) -> EngineClosed:
    if error.rcvd is not None:
        return EngineClosed(error.rcvd.code, error.rcvd.reason)
    if error.sent is not None:  # we refused what the peer sent
        return EngineClosed(error.sent.code, error.sent.reason, by_us=True)
    cause = error.__cause__
    reason = lost_reason or (str(cause) if isinstance(cause, OSError) else "connection lost")
    return EngineClosed(1006, reason)


def connect_error(
    error: Exception, url: str, headers: Mapping[str, str], timeout_s: float
) -> EngineConnectError:
    where = address(url)
    if isinstance(error, InvalidStatus):
        response = error.response
        return refused_upgrade(
            where,
            Scrubber(url, headers),
            status=response.status_code,
            phrase=response.reason_phrase,
            headers=dict(response.headers.raw_items()),
            body=bytes(response.body or b""),
        )
    if isinstance(error, OSError):
        return _network_error(error, where, timeout_s)
    if isinstance(error, ProxyError):
        return EngineConnectError("refused", f"the proxy does not connect us to {where}")
    if isinstance(error, InvalidURI):
        return EngineConnectError("protocol", f"{where} is not a ws:// or wss:// address")
    if isinstance(error, EOFError) or isinstance(error.__cause__, EOFError):
        return EngineConnectError("server", f"{where} hung up during the upgrade")
    if isinstance(error, ValueError | ImportError):
        return EngineConnectError("protocol", Scrubber(url, headers)(str(error)))
    what = type(error).__name__  # not its text, which quotes what the server sent
    return EngineConnectError("protocol", f"{where} does not speak websocket ({what})")


def _network_error(error: OSError, where: str, timeout_s: float) -> EngineConnectError:
    if isinstance(error, TimeoutError):
        return EngineConnectError("timeout", f"{where} did not answer within {timeout_s:g} s")
    if isinstance(error, socket.gaierror):
        return EngineConnectError("dns", f"the host of {where} is unknown: {error.strerror}")
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or getattr(error, "reason", "") or "it failed"
        return EngineConnectError("tls", f"no secure connection to {where}: {why}")
    return EngineConnectError("refused", f"cannot connect to {where}: {error.strerror or error}")
