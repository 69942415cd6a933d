"""Values that say who calls whom: prefixes, countries, patterns of numbers, header fields."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from sipua.config.values.fields import AS_TUPLE, wrong
from sipua.config.values.zones import find_zone
from sipua.sip.parties import headers, identity, numbers

_PREFIX: Final = re.compile(r"\+?[0-9*#]{0,16}")
_PATTERN: Final = re.compile(r"!?[A-Za-z0-9_.+*?#\[\]-]{1,64}")
_REFER_TARGET: Final = re.compile(
    r"!?[A-Za-z0-9_.+*?#-]{1,64}(?:@(?:[A-Za-z0-9.*?-]{1,253}|\[[0-9A-Fa-f:.*?]{2,45}\]))?"
)
_WHOM: Final = re.compile(r"\+?[0-9*#]{1,20}|sips?:[^\s@]{0,64}@[^\s@]{1,255}")
_MOST_RULES: Final = 64
_MOST_PATTERNS: Final = 1000
_LONGEST_NAME: Final = 64


def _prefixes(rules: dict[str, str]) -> dict[str, str]:
    form = '{ "00" = "+", "0" = "+49" }'
    if len(rules) > _MOST_RULES:
        raise wrong(f"has more than {_MOST_RULES} prefixes", form)
    for prefix, instead in rules.items():
        for text in (prefix, instead):
            if not _PREFIX.fullmatch(text):
                raise wrong(f"{text!r} is no prefix of a number: digits, *, #, + in front", form)
    return rules


def _whom(text: str) -> str:
    if not _WHOM.fullmatch(text):
        raise wrong(
            "is neither the beginning of a number nor a SIP URI with a host",
            'such as "+49", or "sip:@pbx.example.com" for everyone at that host',
        )
    return text


def _number_prefixes(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    form = 'such as "+49"'
    if len(prefixes) > _MOST_PATTERNS:
        raise wrong(f"has more than {_MOST_PATTERNS} prefixes", form)
    for index, prefix in enumerate(prefixes):
        if not prefix or not _PREFIX.fullmatch(prefix):
            raise wrong(f"{prefix!r} is no prefix of a number: digits, *, #, + in front", form)
        if prefix in prefixes[:index]:
            raise wrong(f'has "{prefix}" twice', "name it once")
    return prefixes


def _country(code: str) -> str:
    if not code:
        return code
    if not numbers.is_installed():
        raise wrong("needs phonenumbers, which is not installed", "pip install 'sipua[numbers]'")
    if not numbers.is_country(code):
        raise wrong("is no country with telephone numbers (ISO 3166, two capitals)", '"DE"')
    return code


def _patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    form = 'such as "+4930*", or "!+49900*" to forbid these'
    if len(patterns) > _MOST_PATTERNS:
        raise wrong(f"has more than {_MOST_PATTERNS} patterns", form)
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise wrong(f"{pattern[:80]!r} is no pattern of a number", form)
    return patterns


def _refer_targets(patterns: tuple[str, ...]) -> tuple[str, ...]:
    form = 'such as "2??" for numbers of the peer itself, or "*@pbx.example.com"'
    if len(patterns) > _MOST_PATTERNS:
        raise wrong(f"has more than {_MOST_PATTERNS} patterns", form)
    for pattern in patterns:
        if not _REFER_TARGET.fullmatch(pattern):
            raise wrong(f"{pattern[:80]!r} is no pattern of a number, or of user@host", form)
    return patterns


def _caller_id(text: str) -> str:
    if text and not identity.is_caller_id(text):
        raise wrong("is neither a number nor the user of a SIP URI", '"+4930123456"')
    return text


def _caller_ids(numbers: tuple[str, ...]) -> tuple[str, ...]:
    if len(numbers) > _MOST_PATTERNS:
        raise wrong(f"has more than {_MOST_PATTERNS} numbers", "several pools")
    for index, number in enumerate(numbers):
        if not number:
            raise wrong("has an empty number", '"+4930123456"')
        if _caller_id(number) in numbers[:index]:
            raise wrong(f'has "{number}" twice', "name it once")
    return numbers


def _time_zone(name: str) -> str:
    if find_zone(name) is None:
        raise wrong("is no time zone of this machine", 'such as "Europe/Berlin"')
    return name


def _caller_name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise wrong(f"is no name of at most {_LONGEST_NAME} printable characters", '"Example Ltd"')
    return text


def _header_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > headers.MOST:
        raise wrong(f"has more than {headers.MOST} headers", 'such as ["X-Account"]')
    lower = [name.lower() for name in names]
    for index, name in enumerate(names):
        if fault := headers.name_fault(name):
            raise wrong(f"{name[:80]!r} {fault}", 'such as "X-Account"')
        if lower.index(name.lower()) != index:
            raise wrong(f"has {name} twice", "name it once")
    return names


def _set_headers(given: dict[str, str]) -> dict[str, str]:
    form = '{ "X-Account" = "17" }'
    if len(given) > headers.MOST:
        raise wrong(f"has more than {headers.MOST} headers", form)
    if len({name.lower() for name in given}) != len(given):
        raise wrong("has one header twice", form)
    for name, value in given.items():
        if fault := headers.fault(name, value):
            raise wrong(fault, form)
    return given


Prefixes = Annotated[dict[str, str], AfterValidator(_prefixes)]
Country = Annotated[str, AfterValidator(_country)]
CallerIds = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_caller_ids)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
NumberPrefixes = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_number_prefixes)]
Whom = Annotated[tuple[Annotated[str, AfterValidator(_whom)], ...], AS_TUPLE]
NumberPatterns = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_patterns)]
ReferTargets = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_refer_targets)]
CallerId = Annotated[str, AfterValidator(_caller_id)]
CallerName = Annotated[str, AfterValidator(_caller_name)]
HeaderNames = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_header_names)]
SetHeaders = Annotated[dict[str, str], AfterValidator(_set_headers)]
