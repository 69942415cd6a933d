"""Between the two sides of a call that is not answered yet, or of which it is not known who has
answered it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sipua.bridge.playout.sender import PlayoutSender
from sipua.bridge.uplink.echo_hold import EchoHold
from sipua.codecs.pcm import Pcm

_ASKER: Final = "answering"


class AnswerScreen:
    """One call's. Open at first; closed, what is to be said waits, and the engine hears silence."""

    def __init__(self, echo_hold: EchoHold, sender: PlayoutSender) -> None:
        self._echo_hold = echo_hold
        self._sender = sender

    def listen(self, listener: Callable[[Pcm], None] | None) -> None:
        """Its audio at 8 kHz, as it comes, without our own echo; None: not any more."""
        self._echo_hold.listener = listener

    def mute(self, on: bool) -> None:
        """Whether the engine hears silence."""
        self._echo_hold.mute(on, _ASKER)

    def hold(self, on: bool) -> None:
        """Whether what is to be said waits."""
        self._sender.playout.pause(on, _ASKER)
        self._sender.send_now_if_idle()
