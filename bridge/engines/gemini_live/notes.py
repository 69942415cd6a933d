"""What the model of a Gemini Live session is to be told, until it can be.

There is no way to tell it something that it does not answer: what needs no answer says so.
"""

from __future__ import annotations

from typing import Final

MAX_WAITING: Final = 8  # texts; beyond, the oldest gives way
MAX_CHARS: Final = 32_768  # of one text

NO_ANSWER: Final = "[For your information only, do not answer this.] "
HEARD_ONLY: Final = "[The caller interrupted you and heard nothing of what you said after: "
HEARD_NOTHING: Final = "[The caller interrupted you and heard nothing of what you said last.]"
_HEARD_CHARS: Final = 200


class Notes:
    def __init__(self) -> None:
        self.dropped = 0
        self.unheard = ""
        """What the caller did not hear, when the model is to be told of it."""
        self._texts: list[str] = []
        self._respond = False
        self._waiting = False

    def ask(self, text: str) -> None:
        """For an answer. An empty text: there is nothing to tell, but to speak."""
        if not text or text in self._texts:  # asked for again
            self._waiting = self._respond = True
        else:
            self.add(text, respond=True)

    def add(self, text: str, *, respond: bool) -> None:
        self._waiting = True
        self._respond = self._respond or respond
        self._texts.append(text[:MAX_CHARS])
        if len(self._texts) > MAX_WAITING:
            del self._texts[0]
            self.dropped += 1

    def take(self) -> tuple[str, bool] | None:
        """All that waits, in its order, and whether it asks for an answer."""
        if not self._waiting:
            return None
        texts, respond = [*filter(None, [self.unheard]), *self._texts], self._respond
        self.unheard, self._texts, self._respond, self._waiting = "", [], False, False
        text = "\n\n".join(texts)
        return (text, True) if respond else (NO_ANSWER + text, False)


def unheard(text: str, share: float) -> str:
    """Words are not timed: their share of the text stands for that of the sound."""
    heard = text[: int(len(text) * share)][-_HEARD_CHARS:].strip()
    return f'{HEARD_ONLY}"{heard}"]' if heard else HEARD_NOTHING
