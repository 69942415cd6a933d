"""What the configuration says about engines that fail, stall or expire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_PHRASE: Final = (
    "The line was interrupted for a moment. Say so in one short sentence, in the language of the "
    "conversation, and then go on where it stopped: do not greet again."
)


@dataclass(frozen=True, slots=True)
class DialoguePolicy:
    """How patient a conversation is with its engine."""

    backoff_s: float = 0.25
    """Before the second attempt; doubled for each one after it, less up to half by chance."""
    backoff_max_s: float = 2.0
    outage_s: float = 15.0
    """Longest time without an engine in a call, all choices together."""
    phrase: str = DEFAULT_PHRASE
    """What the model is told after an outage when it was its turn. Empty: only to go on."""
    filler_after_s: float = 2.0
    """It is the model's turn and it gives no sign of life: the caller hears a filler; 0: never."""
    silent_after_s: float = 8.0
    """It is the model's turn and it says nothing; 0: never mind."""
    response_retries: int = 3
    """How often a response that failed is asked for again."""
    rotate_after_s: float = 3300.0
    """Age at which a session is replaced in a quiet moment; 0: never."""
    rotate_latest_s: float = 3540.0
    """Age at which the next pause between two responses must do."""
    history_items: int = 100
    history_chars: int = 24_000
    history_speech_s: float = 20.0
    """Of the caller's turns of which there is no transcript."""
    caller_audio_s: float = 20.0
    """What the caller said last, kept for the next session."""
