"""A call to an edge from a network namespace, and what it says of addresses."""

import re
import time

from sipua.rtp.packet import build
from support.calls.edge import Edge
from support.peers.netns import Host
from support.peers.raw_caller import RawCaller


class Talk:
    """A call to the edge from a socket of ours, and its audio, which comes and goes by one port."""

    def __init__(self, host: Host, address: str, edge: tuple[str, int]) -> None:
        self.sip = host.udp((address, 0))
        self.rtp = host.udp((address, 0))
        self.rtp.settimeout(10)
        self._sequence = 0
        self._offer = (
            f"v=0\r\no=raw 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
            f"m=audio {self.rtp.getsockname()[1]} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
        self.call = RawCaller(edge, udp=self.sip, offer=self._offer)
        self.call.invite()
        self.answer = self.call.final("INVITE").text
        self.call.ack()

    @property
    def told(self) -> tuple[str, str]:
        """Our hosts in Contact and SDP."""
        contact = re.search(r"^Contact: <sip:[^@]*@([^:>]+)", self.answer, re.MULTILINE)
        sdp = re.search(r"^c=IN IP4 (\S+)", self.answer, re.MULTILINE)
        assert contact
        assert sdp
        return contact[1], sdp[1]

    def hear(self, packets: int = 10) -> tuple[str, int]:
        """Where our audio comes from."""
        for _ in range(packets):
            _, source = self.rtp.recvfrom(2048)
        return source

    def say(self, to: tuple[str, int], packets: int = 25) -> None:
        for _ in range(packets):
            self._sequence += 1
            packet = build(
                b"\xff" * 160,
                payload_type=0,
                sequence=self._sequence,
                timestamp=160 * self._sequence,
                ssrc=7,
            )
            self.rtp.sendto(packet, to)
            time.sleep(0.02)

    def hold(self) -> None:
        self.call.reinvite(self._offer + "a=sendonly\r\n")
        self.call.final("INVITE")
        self.call.ack()

    def end(self, edge: Edge) -> dict[str, object]:
        """What the edge says of it."""
        self.call.bye()
        self.call.final("BYE")
        self.sip.close()
        self.rtp.close()
        (incoming,) = (
            one
            for one in edge.events(name="call.incoming")
            if one["sip_call_id"] == self.call.call_id
        )
        ended = edge.wait_event("call.ended", call_id=incoming["call_id"])
        streams = ended["rtp"]["streams"]
        return {"received": sum(one["received"] for one in streams), **ended["rtp"]}
