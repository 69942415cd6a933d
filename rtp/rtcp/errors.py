"""What is wrong with a datagram of RTCP."""


class RtcpError(Exception):
    """The datagram is not an RTCP compound; `reason` is a short word to count it under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
