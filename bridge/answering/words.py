"""What kind of machine it is, by words of its greeting that an engine has written down.

Phrases that persons hardly ever say, in lower case without accents, as transcripts may lack them.
The order matters: a screening service may ask for "your name after the tone", as voicemail does.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sipua.bridge.answering.verdict import Verdict

_LONGEST: Final = 2000
"""Characters that are read."""

_PHRASES: Final[tuple[tuple[Verdict, tuple[str, ...]], ...]] = (
    (
        "screening",
        (
            "screening service",
            "reason for calling",
            "why you're calling",
            "why you are calling",
            "see if this person is available",
            "see if they are available",
            "state your name",
            "say your name",
            "before i try to connect you",
            "call is accepted",
            "grund ihres anrufs",
            "nennen sie ihren namen",
            "raison de votre appel",
            "dites votre nom",
            "motivo de su llamada",
            "diga su nombre",
        ),
    ),
    (
        "menu",
        (
            "press one",
            "press two",
            "press 1",
            "press 2",
            "press zero",
            "press 0",
            "for english",
            "para espanol",
            "main menu",
            "say or press",
            "drucken sie die",
            "worum es geht",
            "tapez 1",
            "tapez un",
            "appuyez sur",
            "pulse uno",
            "pulse 1",
            "oprima",
            "marque 1",
            "marque uno",
        ),
    ),
    (
        "voicemail",
        (
            "leave a message",
            "leave your message",
            "leave me a message",
            "leave your name",
            "after the tone",
            "after the beep",
            "at the tone",
            "voicemail",
            "voice mail",
            "voice mailbox",
            "voice message system",
            "record your message",
            "can't come to the phone",
            "cannot come to the phone",
            "can't take your call",
            "you have reached",
            "you've reached",
            "anrufbeantworter",
            "nachricht nach dem",
            "hinterlassen sie",
            "nach dem signalton",
            "nach dem piepton",
            "nicht erreichbar",
            "laisser un message",
            "laissez un message",
            "laissez-moi un message",
            "apres le bip",
            "messagerie",
            "deje su mensaje",
            "deja tu mensaje",
            "despues de la senal",
            "buzon de voz",
        ),
    ),
)


def kind_of(text: str) -> Verdict | None:
    """None: nothing in these words is a machine's."""
    plain = unicodedata.normalize("NFKD", text[:_LONGEST].lower())
    plain = "".join(one for one in plain if not unicodedata.combining(one)).replace("’", "'")
    plain = re.sub(r"\s+", " ", plain)
    for verdict, phrases in _PHRASES:
        if any(phrase in plain for phrase in phrases):
            return verdict
    return None
