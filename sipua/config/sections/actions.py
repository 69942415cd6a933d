"""What becomes of a caller without an agent: by a key, or because something is closed or full."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from sipua.config.values.fields import OneLine, SoundFile, wrong
from sipua.config.values.section import Section
from sipua.config.values.uri import UriError, check_target
from sipua.rtp.dtmf import DIGITS

QUEUE: Final = "queue:"
"""Before the name of a queue, where the model's transfer may lead to one."""


def _target(text: str) -> str:
    try:
        check_target(text)
    except UriError as error:
        raise wrong(error.what, error.fix) from None
    return text


Target = Annotated[str, AfterValidator(lambda text: _target(text) if text else text)]


class ActionSection(Section):
    """What a key leads to; exactly one of its keys is set."""

    route: OneLine = Field(
        default="",
        description="Name of a route: the call goes on as it says, with its menu, queue or agent.",
    )
    agent: OneLine = Field(
        default="",
        description="Name of a route: its agent takes the call, without its menu or queue.",
    )
    menu: OneLine = Field(default="", description="Name of a menu.")
    queue: OneLine = Field(default="", description="Name of a queue.")
    transfer: Target = Field(
        default="",
        description="SIP URI or number that the other side is transferred to (REFER). When that "
        "fails, a menu is heard again, and a place in a queue is kept.",
    )
    prompt: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM) that is heard, and the menu or the queue again behind "
        "it. Where no key has led to it the call ends behind it.",
    )
    hang_up: bool = Field(default=False, description="The call ends.")

    @property
    def kinds(self) -> list[str]:
        """The keys that are set; exactly one in a valid entry."""
        return [name for name in type(self).model_fields if getattr(self, name)]


def _keys(keys: dict[str, ActionSection]) -> dict[str, ActionSection]:
    for key in keys:
        if len(key) != 1 or key.upper() not in DIGITS:
            raise wrong(f'"{key[:20]}" is on no keypad', f"one of {' '.join(DIGITS)}")
    return {key.upper(): action for key, action in keys.items()}


Keys = Annotated[dict[str, ActionSection], AfterValidator(_keys)]
