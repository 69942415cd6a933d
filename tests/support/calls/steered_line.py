"""A call of a SIPp to an edge whose calls are steered, and what its far end heard."""

from dataclasses import dataclass
from datetime import datetime

from sipua.calls.steer.commands import Command, HangUp
from support.calls.edge import Event
from support.calls.steered_edge import Outcome, SteeredEdge
from support.media.audio import Pcm
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import SippRun


@dataclass(frozen=True, slots=True)
class Line:
    edge: SteeredEdge
    run: SippRun
    media: RtpFarEnd
    call_id: str

    def steer(self, command: Command) -> Outcome:
        return self.edge.steer(self.call_id, command)

    def told(self, name: str) -> list[Event]:
        return self.edge.events(call_id=self.call_id, name=name)

    def end(self, command: HangUp | None = None) -> RtpStream:
        """By an operator, as the scenario expects it; what the far end heard, without a loss."""
        assert self.steer(command or HangUp("the test is over"))["status"] == "accepted"
        assert self.run.wait(check=False).ok, str(self.run.result())
        end = self.edge.wait_event("call.ended", call_id=self.call_id)["end"]
        assert (end["by"], end["reason"]) == ("operator", "operator_hangup")
        (stream,) = self.media.finish()
        assert (stream.lost, len(set(stream.ssrc))) == (0, 1)
        assert self.edge.events(name="call.failed") == []
        return stream


def stretch(stream: RtpStream, begin: str | None, end: str | None) -> Pcm:
    """What was heard between two moments of the edge's log (`ts`); None: from its beginning, to
    its end."""
    sound = stream.pcm()
    first = 0 if begin is None else _samples(stream, begin)
    last = len(sound) if end is None else _samples(stream, end)
    return sound[max(0, first) : max(0, last)]


def _samples(stream: RtpStream, ts: str) -> int:
    return round((datetime.fromisoformat(ts).timestamp() - stream.started_at_s) * 8000)
