"""Calls that end when a timer of SIP's does: half a minute for a lost ACK, one for a session.

They are all started at once, and looked at one after the other.
"""

from pathlib import Path

from support.calls.edge import Config, Edge, Event
from support.footprint import settled
from support.peers.raw_caller import RawCaller
from support.peers.sipp import Sipp, SippResult

_LONGEST_S = 100

# 90 s is the shortest session that RFC 4028 knows; who cannot UPDATE is refreshed by re-INVITE.
_REFRESHED_BY_THE_CALLER = "Supported: timer\nSession-Expires: 90;refresher=uac"
_REFRESHED_BY_THE_EDGE = (
    "Supported: timer\nSession-Expires: 90;refresher=uas\nAllow: INVITE, ACK, BYE, CANCEL"
)
_CALLS = {
    "lost ACK": ("uac_lost_ack", ""),
    "glare": ("uac_reinvite_glare", _REFRESHED_BY_THE_EDGE),
    "vanished": ("uac_call_ended_by_peer", _REFRESHED_BY_THE_CALLER),
}


class PatientCalls:
    """All answered when the constructor returns. They have no media; their edge does not mind."""

    def __init__(self, home: Path) -> None:
        config: Config = {
            "rtp": {"timeout_s": 300},
            "agent": {"mode": "silence", "greeting": False},
        }
        self.edge = Edge(home / "edge", config, rtp_ports=32)
        self._sipp = Sipp(home / "sipp")
        self._gone = RawCaller(self.edge.address)
        """Answered, and never heard of again: neither an ACK nor an answer to our BYE."""
        try:
            self._sipp.run("uac_call", self.edge.address, pause_ms=100)
            self.before = settled(self.edge.process.pid)
            self._runs = {
                name: self._sipp.start(
                    scenario, self.edge.address, timeout_s=_LONGEST_S, HEADERS=headers
                )
                for name, (scenario, headers) in _CALLS.items()
            }
            self._gone.invite()
            self._gone.final("INVITE")
            self.edge.wait_event("call.answered", count=2 + len(_CALLS))
        except BaseException:
            self.close()
            raise

    def wait(self, name: str) -> tuple[SippResult, Event]:
        """What SIPp saw of that call, and what the edge told at its end."""
        result = self._runs[name].wait(_LONGEST_S)
        sip_call_id = result.messages[0].text.partition("\nCall-ID: ")[2].partition("\n")[0]
        return result, self.edge.wait_event("call.ended", call_id=self._our_id(sip_call_id))

    def wait_gone(self) -> tuple[Event, Event]:
        """How the call of the caller that is gone was answered, and how it ended."""
        call_id = self._our_id(self._gone.call_id)
        ended = self.edge.wait_event("call.ended", call_id=call_id, timeout_s=_LONGEST_S)
        return self.edge.wait_event("call.answered", call_id=call_id), ended

    def _our_id(self, sip_call_id: str) -> str:
        (call_id,) = (
            event["call_id"]
            for event in self.edge.events(name="call.incoming")
            if event["sip_call_id"] == sip_call_id
        )
        return str(call_id)

    def wait_all(self) -> None:
        self.edge.wait_event("call.ended", count=2 + len(_CALLS), timeout_s=_LONGEST_S)

    def close(self) -> None:
        self._gone.close()
        self._sipp.close()
        self.edge.close()
