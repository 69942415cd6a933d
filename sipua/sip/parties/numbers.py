"""Numbers in one form: prefixes replaced, then E.164 (RFC 3966, ITU-T E.164).

A trunk that says `0049 30 …` and one that says `+4930…` mean the same caller. What is no telephone
number (`bob`, `anonymous`) stays as it is.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,31}")
_SEPARATORS: Final = str.maketrans("", "", "-.() ")
_LONGEST: Final = 64


def plain(user: str) -> str | None:
    """A number without what makes it easier to read; None: it is no number."""
    text = user[:_LONGEST].translate(_SEPARATORS)
    return text if len(user) <= _LONGEST and _NUMBER.fullmatch(text) else None


def is_number(user: str) -> bool:
    return plain(user) is not None


@dataclass(frozen=True, slots=True)
class NumberFormat:
    prefixes: tuple[tuple[str, str], ...] = ()
    """What a number begins with, and what stands there instead; the longest one is first."""
    country: str = ""
    """ISO 3166: numbers without a country are of this one. Empty: no E.164."""

    def of(self, user: str) -> str:
        """The user of a URI in this form."""
        if not (self.prefixes or self.country):
            return user
        number = plain(user)
        if number is None:
            return user
        for prefix, instead in self.prefixes:
            # A number that has its country needs no prefix that all others get.
            if number.startswith(prefix) and (prefix or not number.startswith("+")):
                number = instead + number[len(prefix) :] or number
                break
        return _e164(number, self.country) if self.country else number


AS_IT_IS: Final = NumberFormat()


def number_format(prefixes: Mapping[str, str], country: str = "") -> NumberFormat:
    """Also loads what is known of the country's numbers, so that no call waits for it."""
    longest_first = sorted(prefixes.items(), key=lambda one: -len(one[0]))
    if country:
        _e164("+10000000000", country)
        _e164("1000000", country)
    return NumberFormat(tuple(longest_first), country)


def is_installed() -> bool:
    return importlib.util.find_spec("phonenumbers") is not None


def is_country(code: str) -> bool:
    """Only when `is_installed`."""
    return code in _library().SUPPORTED_REGIONS


@functools.cache
def _library() -> Any:
    import phonenumbers  # noqa: PLC0415 - an extra, and only trunks with a country need it

    return phonenumbers


def _e164(number: str, country: str) -> str:
    """Only what is a number there: an extension such as 201 stays one."""
    if "*" in number or "#" in number:
        return number
    library = _library()
    try:
        parsed = library.parse(number, country)
    except library.NumberParseException:
        return number
    if not library.is_valid_number(parsed):
        return number
    return str(library.format_number(parsed, library.PhoneNumberFormat.E164))
