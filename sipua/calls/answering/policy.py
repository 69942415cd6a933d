"""What is to be done about who answers: of a route, or of one call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from sipua.config.sections.routes import OnVoicemail


@dataclass(frozen=True, slots=True)
class AnsweringPolicy:
    wait_s: float = 2.0
    """The longest silence of the other side in which the agent waits for the verdict."""
    on_voicemail: OnVoicemail = "agent"
    message: str = ""
    """The sound that is left, as a configuration names it; empty: `text`."""
    text: str = ""
    """What the engine says as a message."""

    @property
    def leaves_one(self) -> bool:
        """Whether there is a message to leave."""
        return bool(self.message or self.text)


def for_one_call(
    usual: AnsweringPolicy | None, wanted: AnsweringPolicy, mode: str, on_voicemail: str
) -> AnsweringPolicy | None:
    """`usual`: the route's; `wanted`: its values, whether it detects or not. `mode`,
    `on_voicemail`: the call's; empty: as usual."""
    policy = {"off": None, "detect": wanted}.get(mode, usual)
    if policy is None or not on_voicemail:
        return policy
    return replace(policy, on_voicemail=cast("OnVoicemail", on_voicemail))
