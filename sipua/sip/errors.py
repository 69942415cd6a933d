"""Why signalling could not start."""

from __future__ import annotations

from sipua.rtp.hostport import join


class PortTakenError(OSError):
    def __init__(self, host: str, port: int, transport: str) -> None:
        super().__init__(f"{transport.upper()} {join(host, port)} is taken")
        self.host, self.port, self.transport = host, port, transport


class CannotListenError(OSError):
    """The address is not ours, or not allowed."""
