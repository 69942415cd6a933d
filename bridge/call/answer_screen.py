"""Between the two sides of a call: who listens to the other side, and what of both waits as long as
it is not known who has answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sipua.bridge.playout.sender import PlayoutSender
from sipua.bridge.uplink.timeline import Uplink
from sipua.codecs.pcm import Pcm

_ASKER: Final = "answering"


class AnswerScreen:
    """One call's. Open at first; closed, what is to be said waits, and the engine hears silence."""

    def __init__(self, uplink: Uplink, sender: PlayoutSender) -> None:
        self._uplink = uplink
        self._echo_hold = uplink.echo_hold
        self._sender = sender

    def listen(
        self, listener: Callable[[Pcm], None], *, steady_since: float | None = None
    ) -> Callable[[], None]:
        """Its audio at 8 kHz, as it comes, without our own echo, until the returned function is
        called; several may. `steady_since`: from this time on always, also when it has sent nothing
        yet."""
        if steady_since is not None:
            self._uplink.begin(steady_since)
        hold = self._echo_hold
        hold.listeners = (*hold.listeners, listener)

        def end() -> None:
            hold.listeners = tuple(one for one in hold.listeners if one is not listener)

        return end

    @property
    def muted(self) -> bool:
        """Whether the engine hears silence, whoever has asked for it."""
        return self._echo_hold.muted

    def mute(self, on: bool) -> None:
        """Whether the engine hears silence."""
        self._echo_hold.mute(on, _ASKER)

    def hold(self, on: bool) -> None:
        """Whether what is to be said waits."""
        self._sender.playout.pause(on, _ASKER)
        self._sender.send_now_if_idle()
