"""What makes each part of one call's media path.

This is the hook of a measurement. It gives the call a path of its own, whose makers return
subclasses, or take functions, that note the time and do the same. The choice is made when the call
is set up: no packet is asked whether it is measured.

    RtpTransport ─▶ RtpSession (parse) ─▶ Uplink (decode, encoder) ─▶ Conversation
          ▲                                                                │
          └──────────── PlayoutSender ◀── PlayoutQueue ◀───────────────────┘

The engine's session has its hook where it is made: `Dialogue(make_session=…)`, `engine_session`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sipua.bridge.playout.queue import PlayoutQueue
from sipua.bridge.uplink.timeline import Uplink
from sipua.rtp.session.session import RtpSession
from sipua.rtp.session.transport import RtpTransport


@dataclass(frozen=True, slots=True)
class MediaPath:
    """Each maker is called once in a call, with the arguments of the class that it stands for."""

    session: Callable[..., RtpSession] = RtpSession
    transport: Callable[..., RtpTransport] = RtpTransport
    uplink: Callable[..., Uplink] = Uplink
    playout: Callable[..., PlayoutQueue] = PlayoutQueue


MEDIA_PATH: Final = MediaPath()
"""That of every call that is not measured."""
