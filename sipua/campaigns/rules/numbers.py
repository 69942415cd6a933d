"""Numbers in one form, and their time zones, by the tables of libphonenumber (`sipua[numbers]`)."""

from __future__ import annotations

from typing import Any, Final

from sipua.sip.parties.numbers import is_installed, number_format, plain

_UNKNOWN: Final = "Etc/Unknown"


def in_one_form(number: str, country: str) -> str:
    """E.164 where the country is known; empty: it is no number. `number`: or the user of a URI,
    perhaps with parameters."""
    written = plain(number.partition(";")[0])
    return "" if written is None else number_format({"00": "+"}, country).of(written)


def zones_of(number: str) -> tuple[str, ...]:
    """`number`: E.164. Empty: they are not known."""
    if not number.startswith("+") or not is_installed():
        return ()
    import phonenumbers  # noqa: PLC0415 - an extra, and large
    from phonenumbers import timezone  # noqa: PLC0415 - as above

    library: Any = phonenumbers
    try:
        parsed = library.parse(number, None)
    except library.NumberParseException:
        return ()
    found = tuple(timezone.time_zones_for_number(parsed))
    return () if _UNKNOWN in found else found
