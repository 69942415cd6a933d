"""The redactor: spoken texts without numbers that are private.

Card numbers, PINs, account and phone numbers are spoken in every call. So every run of four or more
digits is replaced, in any form: `4111 1111`, `41-11`, `four one double one`, `vier eins`. Years and
prices are replaced with them: the rest is for finding out how a call went, not what was in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from sipua.events.parties import CallerShown
from sipua.sip.wire.caller_id import NOBODY, Caller

Transcripts = Literal["off", "redacted", "full"]

NUMBER = "[number]"
EMAIL = "[email]"
OTHER = "[redacted]"

# Spoken digits in the languages of most telephones; a spelling that two languages share
# is listed once.
_SPOKEN = """
zero oh nought one two three four five six seven eight nine ten double triple
null eins zwei zwo drei vier fünf sechs sieben acht neun
zéro un deux trois quatre cinq sept huit neuf
cero uno dos tres cuatro cinco seis siete ocho nueve
due tre quattro cinque sei sette otto nove
um dois três quatro sete oito
nul een twee drie vijf zes zeven negen
"""
_PAIRS = """
eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
twenty thirty forty fifty sixty seventy eighty ninety
"""
_WORDS = "|".join(sorted({*_SPOKEN.split(), *_PAIRS.split()}, key=lambda word: (-len(word), word)))
# Each alternative can match a text in one way only: no text makes the search slow.
_GAP = r"[\s.,;:/()\-\u2010-\u2015]{0,3}"
_DIGIT = rf"(?:\d|\b(?:{_WORDS})\b)"
_RUN = rf"(?<!\w)\+?{_DIGIT}(?:{_GAP}{_DIGIT})*(?!\w)|\d{{4,}}"
_NAME = r"[\w.+\-]{1,64}"
_MAIL = rf"{_NAME}\s?@\s?{_NAME}\.\w+"
_AT = "at|chez|arroba|chiocciola|ät"
_DOT = "dot|point|punkt|punto|ponto|punt"
_SPOKEN_MAIL = rf"{_NAME}\s(?:{_AT})\s{_NAME}(?:\s(?:{_DOT})\s{_NAME})+"
_BUILT_IN = re.compile(rf"(?P<email>{_MAIL}|{_SPOKEN_MAIL})|(?P<run>{_RUN})", re.IGNORECASE)
_PART = re.compile(_DIGIT, re.IGNORECASE)
SHORTEST = 4
_TIMES = {"double": 2, "triple": 3}
_TWO = frozenset(_PAIRS.split())


class Redactor:
    """The redactor; `transcripts`: `off` gives nothing, `full` everything."""

    def __init__(self, transcripts: Transcripts, patterns: Iterable[str] = ()) -> None:
        self._transcripts = transcripts
        self._patterns = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]

    def text(self, text: str, played: float = 1.0) -> str | None:
        """The text up to the last word played; a match that the cut divides is replaced whole.

        None: the text must not be written.
        """
        if self._transcripts == "off":
            return None
        end = len(text) if played >= 1 else _word_end(text, round(len(text) * max(played, 0.0)))
        if self._transcripts == "full":
            return text[:end]
        redacted, at = [], 0
        for begin, finish, replacement in self._found(text):
            if begin >= end:
                break
            redacted.append(text[at:begin] + replacement)
            at = finish
        redacted.append(text[at:end])
        return "".join(redacted)

    def arguments(self, text: str) -> Any:
        """A tool's arguments: JSON, with its strings and long numbers redacted as spoken text."""
        if self._transcripts == "off":
            return None
        try:
            value = json.loads(text or "{}")
        except (ValueError, RecursionError):
            return self.text(text)
        return self._value(value)

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(name): self._value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, bool) or value is None:
            return value
        redacted = self.text(str(value))
        return redacted if isinstance(value, str) or redacted != str(value) else value

    def _found(self, text: str) -> list[tuple[int, int, str]]:
        """The replacements, in order; one for all that overlap."""
        found = sorted(self._matches(text))
        joined: list[tuple[int, int, str]] = []
        for begin, end, replacement in found:
            if joined and begin < joined[-1][1]:
                first, last, kept = joined[-1]
                joined[-1] = first, max(last, end), kept
            else:
                joined.append((begin, end, replacement))
        return joined

    def _matches(self, text: str) -> Iterator[tuple[int, int, str]]:
        for match in _BUILT_IN.finditer(text):
            if match["email"]:
                yield match.start(), match.end(), EMAIL
            elif _digits(match[0]) >= SHORTEST:
                yield match.start(), match.end(), NUMBER
        for pattern in self._patterns:
            for match in pattern.finditer(text):
                if match.end() > match.start():
                    yield match.start(), match.end(), OTHER


def _digits(run: str) -> int:
    count, times = 0, 1
    for part in _PART.findall(run):
        word = part.lower()
        if word in _TIMES:
            times = _TIMES[word]
            continue
        count += 2 if word in _TWO else times
        times = 1
    return count


def _word_end(text: str, end: int) -> int:
    """The end of the last whole word before `end`."""
    if end >= len(text) or text[end].isspace():
        return end
    begin = max(text.rfind(blank, 0, end) for blank in " \n\t")
    return max(begin, 0)


def number(uri: str, how: Literal["full", "last4", "off"]) -> str | None:
    """The caller's number, from a From header."""
    if how == "off":
        return None
    if how == "full":
        return uri
    match = re.search(r"(?:sips?|tel):([^@;>\s]{0,512})", uri)
    user = match[1] if match else uri
    return f"…{user[-4:]}" if len(user) > SHORTEST and user != "anonymous" else user


def caller(one: Caller, how: Literal["full", "last4", "off"]) -> CallerShown | None:
    """Who calls, for events; None: nothing is known, or to be shown. A name says more than four
    digits do."""
    verdict = one.verdict
    if one == NOBODY or (how == "off" and not one.anonymous and not verdict.verstat):
        return None
    return CallerShown(
        number=number(one.number, how) or "",
        received=number(one.received, how) or "",
        name=one.name if how == "full" else "",
        header=one.header,
        verstat=verdict.verstat,
        attest=verdict.attest,
        origid=verdict.origid,
        verified_by=verdict.by,
        unverified=verdict.cause,
        anonymous=one.anonymous,
        diverted=[number(each, how) or "" for each in one.diverted if how != "off"],
    )
