"""The masking of secrets in everything that a user or a log collector reads.

Three filters, because each misses some: the name of the key (`password=`), the shape of the text
(`Authorization:` headers, digest responses, `sk-` keys, passwords inside URLs), and the values that
the configuration holds (`register_secret`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from urllib.parse import unquote_plus

MASK = "********"

# A shorter value would mask harmless text: extension 100 with the password "100" must not turn
# every "100 Trying" of a log into stars. Key names and shapes still cover it.
SHORTEST_REGISTERED = 6

_SECRET_NAME = re.compile(
    r"(?:^|[_.\-])(?:pass|passwd|password|passphrase|secret|token|credentials?|authorization"
    r"|api[_\-]?key|apikey|private[_\-]?key|cookie)$",
    re.IGNORECASE,
)

# A text may be a peer's, and long. Every repeat has a bound, and what one pattern has searched in
# vain is not searched again from each of its characters: 64 kB take a few milliseconds at most.
_MOST = 65_536
_RUN = rf"{{1,{_MOST}}}+"
_BLANKS = rf"\s{{0,{_MOST}}}+"
_HEADER = r"\b(?:(?:proxy-)?authorization|(?:x-)?api[_\-]key)"
# Parameters of URLs that authenticate; also those of webhooks that have nothing but a URL.
_IN_QUERY = (
    r"api[_\-]?key|key|token|access[_\-]token|sig|signature|x-amz-signature|secret|password|passwd|pwd"
    r"|code|auth|authorization|credential|jwt|client[_\-]secret|subscription[_\-]key"
)
_SCHEME = rf"(?:(?:bearer|basic|digest)\s{_RUN})?"

# One alternation, so that a line is scanned once. Each branch keeps the text of its `*_keep`
# group and loses the rest of the match.
_SHAPES = re.compile(
    # A SIP or HTTP header: the scheme stays, as it helps and is no secret. The value ends with
    # the line, whose end may also be written as an escape.
    rf"(?P<header_keep>{_HEADER}{_BLANKS}[:=]{_BLANKS}{_SCHEME})[^\r\n\\]{_RUN}"
    # The same header as an entry of a printed mapping.
    rf"|(?P<entry_keep>{_HEADER}['\"]{_BLANKS}[:=,]{_BLANKS}['\"]{_SCHEME})[^'\"]{_RUN}"
    rf"|(?P<bearer_keep>\bbearer\s{_RUN})[\w.~+/=\-]{{6,{_MOST}}}+"
    rf"|(?P<digest_keep>\bresponse{_BLANKS}={_BLANKS}\\?\")[^\"\\]{{0,{_MOST}}}+"
    rf"|(?P<key_keep>\bsk-)[\w\-]{{6,{_MOST}}}+"
    # The keys of SRTP in an SDP (RFC 4568).
    rf"|(?P<srtp_keep>\binline:)[\w+/=]{{6,{_MOST}}}+"
    rf"|(?P<query_keep>[?&](?:{_IN_QUERY})=)[^&\s\"'#]{_RUN}",
    re.IGNORECASE,
)

# user:password@ in a URI. What is no password is matched, too, and stays: else a long row of
# `sip:sip:sip:` would be scanned to its end from each of its parts.
_USERINFO = re.compile(
    rf"\b(?P<keep>(?:sips?:|wss?://|https?://)[^\s:@/;?\"'<>]{{0,{_MOST}}}+:)"
    rf"(?P<password>[^\s@/\"'<>]{_RUN})(?P<is>@?)",
    re.IGNORECASE,
)

_QUERY_SECRET = re.compile(_IN_QUERY, re.IGNORECASE)

LONGEST_VALUE = 16_384
"""Characters of one value that is shown. The longest SIP message of a normal call has 4,000."""

_MOST_PARAMETERS = 100

_owners: Counter[str] = Counter()
"""The registered values, and how often each was registered."""
_values: re.Pattern[str] | None = None


def register_secret(value: str) -> None:
    """Mask this value from now on, in every text."""
    if len(value) >= SHORTEST_REGISTERED:
        _owners[value] += 1
        if _owners[value] == 1:
            _compile()


def forget_secret(value: str) -> None:
    """One of those that have registered it has no more use for it: keys of an hour would pile up.
    While another one has, it stays masked."""
    if value in _owners:
        _owners[value] -= 1
        if not _owners[value]:
            del _owners[value]
            _compile()


def _forms(value: str) -> set[str]:
    """The same secret in a JSON string or a Python repr, too."""
    return {value, json.dumps(value)[1:-1], repr(value)[1:-1]}


def _compile() -> None:
    global _values  # noqa: PLW0603 - one process has one set of secrets
    forms = {form for value in _owners for form in _forms(value)}
    longest_first = sorted(forms, key=lambda text: (-len(text), text))
    _values = re.compile("|".join(re.escape(text) for text in longest_first)) if forms else None


def secrets_in_url(text: str) -> list[str]:
    """The values in the query of a URL that authenticate, as they stand there and decoded."""
    query = text.partition("?")[2].partition("#")[0] if "://" in text else ""
    found = []
    for part in query.split("&")[:_MOST_PARAMETERS]:
        name, _, value = part.partition("=")
        if value and _QUERY_SECRET.fullmatch(name):
            found += [value, unquote_plus(value)]
    return found


def star_registered(text: str) -> str:
    """The registered values as stars, in the length that they have in UTF-8."""
    if _values is None:
        return text
    return _values.sub(lambda found: "*" * len(found[0].encode("utf-8", "surrogateescape")), text)


def is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def mask_text(text: str) -> str:
    if _values is not None:
        text = _values.sub(MASK, text)
    if "@" in text:
        text = _USERINFO.sub(_hide_password, text)
    return _SHAPES.sub(_keep_prefix, text)


def _hide_password(match: re.Match[str]) -> str:
    return f"{match['keep']}{MASK}@" if match["is"] else match[0]


def _keep_prefix(match: re.Match[str]) -> str:
    kept = match[match.lastgroup] if match.lastgroup else ""
    return kept + MASK


def mask_value(name: str, value: object) -> object:
    """The masked value for this name; lists and mappings are masked inside."""
    if isinstance(value, bool | int | float) or value is None:
        return MASK if is_secret_name(name) and value is not None else value
    if is_secret_name(name):
        return MASK if value else value
    if isinstance(value, str):
        return _bounded(value)
    if isinstance(value, Mapping):
        return {str(key): mask_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(name, item) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return _bounded(bytes(value).decode("utf-8", "backslashreplace"))
    return _bounded(str(value))


def _bounded(text: str) -> str:
    """The text, masked, and cut when it is too long."""
    if len(text) <= LONGEST_VALUE:
        return mask_text(text)
    # The cut may divide a secret, so a little more text is masked than is kept.
    masked = mask_text(text[: LONGEST_VALUE + 512])
    return f"{masked[:LONGEST_VALUE]} … ({len(text)} characters)"
