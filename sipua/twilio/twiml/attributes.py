"""The attributes of one element, read by name; what is wrong or has no effect is remarked on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sipua.twilio.twiml.verbs import Action, Method, Remark, StatusCallback

SCHEMA: Final = 12_200
"""The vendor's number for what its schema does not allow."""
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_LONGEST: Final = 80
"""Of what is repeated in a remark."""


class Attributes:
    def __init__(self, element: str, given: Mapping[str, str], remarks: list[Remark]) -> None:
        self._element = element
        self._given = dict(given)
        self._remarks = remarks

    def text(self, name: str, default: str = "") -> str:
        return self._given.pop(name, default).strip()

    def peek(self, name: str) -> str:
        """It is still to be read."""
        return self._given.get(name, "").strip()

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """One that is outside of the bounds becomes the bound."""
        text = self._given.pop(name, None)
        if text is None:
            return default
        if not _WHOLE_NUMBER.fullmatch(text.strip()):
            self._wrong(name, text, str(default))
            return default
        value = int(text)
        bounded = max(least, min(most, value))
        if bounded != value:
            self._wrong(name, text, str(bounded))
        return bounded

    def optional_number(self, name: str, *, least: int, most: int) -> int | None:
        return self.number(name, least, least=least, most=most) if name in self._given else None

    def flag(self, name: str, default: bool) -> bool:
        text = self._given.pop(name, None)
        if text is None:
            return default
        value = {"true": True, "false": False}.get(text.strip().lower())
        if value is None:
            self._wrong(name, text, str(default).lower())
            return default
        return value

    def choice(self, name: str, default: str, known: tuple[str, ...]) -> str:
        """Whatever its case."""
        text = self._given.pop(name, default).strip()
        for one in known:
            if text.lower() == one.lower():
                return one
        self._wrong(name, text, default)
        return default

    def action(self) -> Action | None:
        found = self._url("action", "method")
        return found and Action(*found)

    def action_or_own(self) -> Action:
        """Where there is none, the document itself is asked for again."""
        method = self.method()
        return Action(self._given.pop("action", "").strip(), method)

    def status_callback(self, name: str = "statusCallback") -> StatusCallback | None:
        found = self._url(name, f"{name}Method")
        return found and StatusCallback(*found)

    def _url(self, name: str, method: str) -> tuple[str, Method] | None:
        url, how = self._given.pop(name, None), self.method(method)
        return None if url is None else (url.strip(), how)

    def method(self, name: str = "method") -> Method:
        return "GET" if self.choice(name, "POST", ("GET", "POST")) == "GET" else "POST"

    def rest(self) -> None:
        """What was not read has no effect."""
        for name in self._given:
            self.remark(f"{name[:_LONGEST]} has no effect here")

    def remark(self, text: str) -> None:
        self._remarks.append(Remark(SCHEMA, f"{self._element}: {text}"))

    def _wrong(self, name: str, text: str, instead: str) -> None:
        self.remark(f'{name}="{text[:_LONGEST]}" is not valid; it is read as "{instead}"')
