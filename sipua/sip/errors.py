"""The errors of a failed start of signalling, and the reason of a fault."""

from __future__ import annotations

from sipua.rtp.hostport import join
from sipua.sip.wire.texts import line


class PortTakenError(OSError):
    def __init__(self, host: str, port: int, transport: str) -> None:
        super().__init__(f"{transport.upper()} {join(host, port)} is taken")
        self.host, self.port, self.transport = host, port, transport


class CannotListenError(OSError):
    """The address is not one of this machine, or not allowed."""

    def __init__(self, text: str, fix: str = "`sip.host`: ip addr") -> None:
        super().__init__(text)
        self.fix = fix


class SignallingHangsError(OSError):
    """pjsua2 has not started in time."""


def reason_of(error: BaseException) -> str:
    """The text of an error; pjsip's own text for an error of pjsip."""
    return line(str(getattr(error, "reason", None) or f"{type(error).__name__}: {error}"))
