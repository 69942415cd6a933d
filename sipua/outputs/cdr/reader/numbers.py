"""Whether a number that a person gives is the one of a row, which may have its last digits only."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"…?[+0-9 ()./-]+")
_USER: Final = re.compile(r"(?:sips?|tel):([^@;>\s]{1,512})")
_SEPARATORS: Final = re.compile(r"[\s()./…-]")
_CUT: Final = "…"


def fits(wanted: str, kept: str) -> bool:
    """A part of a number or name; a number also as it is written elsewhere: with separators, with
    or without the codes of country and area, longer than what was kept of it.
    """
    if not wanted or wanted in kept:
        return True
    if not _NUMBER.fullmatch(wanted):
        return False
    digits, known = _digits(wanted), _digits(kept)
    if not digits or not known:
        return False
    if kept.startswith(_CUT):
        # The last digits are all that is known; fewer of them may be wanted, or the whole number.
        return known in digits[-len(known) :] or digits in known
    return digits.lstrip("+").lstrip("0") in known


def _digits(text: str) -> str:
    found = _USER.search(text)
    plain = _SEPARATORS.sub("", found[1] if found else text)
    return plain if re.fullmatch(r"\+?[0-9]+", plain) else ""
