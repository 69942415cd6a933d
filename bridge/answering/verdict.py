"""Who has answered, as far as it can be told, and by what.

    verdict     is
    person      a short greeting, and then silence: somebody waits for an answer
    machine     somebody speaks who does not wait for an answer. By sound alone a voicemail system,
                call screening and a menu are the same: which one it is, only words tell, or a beep
    voicemail   a machine whose beep was heard, or whose words say so
    screening   a machine that asks for the caller's name, for a person behind it: by words
    menu        a machine that offers keys or choices: by words
    fax         a fax machine
    silence     nothing is heard
    unknown     the time is over, and what was heard fits nothing

`confidence` is the share of the made training calls with that cause in which the verdict was right
(docs/answering.md): a figure of that corpus, and not of your lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Verdict: TypeAlias = Literal[
    "person", "machine", "voicemail", "screening", "menu", "fax", "silence", "unknown"
]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
Cause: TypeAlias = Literal[
    "greeting",
    "long_greeting",
    "long_speech",
    "beep",
    "sit",
    "busy_tone",
    "ced",
    "cng",
    "words",
    "sounds",
    "no_sound",
    "time",
    "pickup",
]

MACHINES: Final = frozenset({"machine", "voicemail", "screening", "menu"})


@dataclass(frozen=True, slots=True)
class AnsweredBy:
    verdict: Verdict
    cause: Cause
    ms: int
    """Of the other side's audio since the answer."""
    confidence: float


@dataclass(frozen=True, slots=True)
class Beep:
    """The other side records from now on."""

    hz: int
    ms: int
    at_ms: int
    """Its end, in the other side's audio since the answer."""


Finding: TypeAlias = AnsweredBy | Beep
