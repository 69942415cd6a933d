"""Whether a target has said yes or no, by the words that an engine has written down. No I/O.

Only a short answer counts: a whole sentence may have a "yes" in it that takes nothing. One that has
words of both kinds is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from sipua.calls.legs.briefing.talk_steps import Decided

Language: TypeAlias = Literal["en", "de", "fr", "es"]

ACCEPTING: Final[Mapping[Language, tuple[str, ...]]] = {
    "en": ("yes", "yeah", "sure", "ok", "okay", "accept", "go ahead", "put them through"),
    "de": ("ja", "jawohl", "gerne", "ok", "okay", "annehmen", "verbinden", "durchstellen"),
    "fr": ("oui", "d'accord", "ok", "accepter", "j'accepte", "passez le moi"),
    "es": ("sí", "claro", "vale", "ok", "aceptar", "acepto", "de acuerdo"),
}
DECLINING: Final[Mapping[Language, tuple[str, ...]]] = {
    "en": ("no", "nope", "not", "decline", "busy", "can't", "cannot", "don't"),
    "de": ("nein", "nicht", "ablehnen", "keine zeit", "besetzt"),
    "fr": ("non", "pas", "refuser", "je refuse", "occupé"),
    "es": ("no", "rechazar", "rechazo", "ocupado"),
}
LONGEST_ANSWER: Final = 8
"""Words of an answer, at most."""
_LONGEST_TEXT: Final = 200
_NO_WORD: Final = re.compile(r"[^\w']{1,200}")


class SpokenAnswer:
    def __init__(self, accepting: Iterable[str], declining: Iterable[str]) -> None:
        self._accepting = tuple(plain(phrase) for phrase in accepting)
        self._declining = tuple(plain(phrase) for phrase in declining)

    def of(self, text: str) -> Decided | None:
        """None: it is neither, or both."""
        said = plain(text[: _LONGEST_TEXT + 1])
        if len(text) > _LONGEST_TEXT or len(said.split()) > LONGEST_ANSWER:
            return None
        accepted, declined = _has(said, self._accepting), _has(said, self._declining)
        if accepted == declined:
            return None
        return "accepted" if accepted else "declined"


def plain(text: str) -> str:
    """In lower case, without accents and marks, one blank between two words."""
    folded = unicodedata.normalize("NFKD", text.replace("’", "'").lower())
    folded = "".join(one for one in folded if not unicodedata.combining(one))
    return _NO_WORD.sub(" ", folded).strip()


def _has(said: str, phrases: tuple[str, ...]) -> bool:
    return any(f" {phrase} " in f" {said} " for phrase in phrases if phrase)
