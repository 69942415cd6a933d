"""The kinds of values that a key may hold, each with a check that says how to put it right."""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from sipua.bridge.agent.scenario import faults
from sipua.bridge.agent.speech import recogniser_available
from sipua.config.values.uri import UriError, is_hostname, parse_server
from sipua.rtp.hostport import is_address, split

# Other names of the codecs in telephony.
_CODEC_ALIASES = {
    "ulaw": "PCMU",
    "mulaw": "PCMU",
    "u-law": "PCMU",
    "mu-law": "PCMU",
    "g711u": "PCMU",
    "g711": "PCMU",
    "alaw": "PCMA",
    "a-law": "PCMA",
    "g711a": "PCMA",
}
CODECS = ("PCMU", "PCMA")
TRANSPORTS = ("udp", "tcp", "tls")
MOST_WORKERS = 256
SHORTEST_SESSION_S = 90

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SIP_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/%#-]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
_PARAMETER_CHARS = 500  # of name and value, as Twilio has it


def wrong(what: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", "{what}", {"what": what, "fix": fix})


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str | None:
    folded = {name.lower(): name for name in known}
    begun = [name for name in folded if word and name.startswith(word.lower() + "_")]
    if len(begun) == 1:
        return folded[begun[0]]
    found = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def _even_port(port: int) -> int:
    if port % 2:
        raise wrong("the first RTP port must be even (RTCP takes the next one)", str(port - 1))
    return port


def _ptime(ptime_ms: int) -> int:
    if ptime_ms % 10 or not 10 <= ptime_ms <= 60:
        raise wrong("is not a packet time: 10, 20, 30, 40, 50 or 60", "20")
    return ptime_ms


def _session_time(seconds: int) -> int:
    if seconds and seconds < SHORTEST_SESSION_S:
        raise wrong("is less than any session timer may be (RFC 4028)", str(SHORTEST_SESSION_S))
    return seconds


def _number_to_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _workers(text: str) -> str:
    number = text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST_WORKERS
    if text != "auto" and not number:
        raise wrong(f'is neither "auto" nor a number from 1 to {MOST_WORKERS}', '"auto"')
    return text


def _codec(name: str) -> str:
    if name not in CODECS:
        near = _CODEC_ALIASES.get(name.lower()) or nearest(name, CODECS)
        raise wrong(
            f"is not a supported codec: {' and '.join(CODECS)} are",
            f'"{near}"' if near else "leave it out; the other side falls back to G.711",
        )
    return name


def _transport(name: str) -> str:
    if name not in TRANSPORTS:
        near = nearest(name, TRANSPORTS) if name not in ("ws", "wss") else None
        raise wrong(
            "is not a supported transport: udp, tcp and tls are",
            f'"{near}"' if near else "leave it out",
        )
    return name


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise wrong(
            "a name has 1 to 64 letters, digits, dots, dashes and underscores", '"office-pbx"'
        )
    return text


def _sip_user(text: str) -> str:
    if "@" in text:
        raise wrong("only the part before the @ goes here", f'"{text.partition("@")[0]}"')
    if not _SIP_USER.fullmatch(text):
        raise wrong("is empty or has characters that a SIP user cannot have", 'such as "100"')
    return text


def _server_uri(text: str) -> str:
    try:
        parse_server(text)
    except UriError as error:
        raise wrong(error.what, error.fix) from None
    return text


def _realm(text: str) -> str:
    if text == "*":
        raise wrong(
            "would answer every challenge: the digest leaks",
            'the realm of the challenge (asterisk: "asterisk"), or "" to learn it from the '
            "registrar's first challenge",
        )
    return _one_line(text)


def _websocket_url(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("ws", "wss"):
        swap = {"http": "ws", "https": "wss"}.get(parts.scheme)
        rest = text.partition("://")[2]
        fix = f'"{swap}://{rest}"' if swap else '"wss://host/v1/realtime" (ws:// without TLS)'
        raise wrong("is not a websocket URL", fix)
    try:
        parts.port  # noqa: B018 - the property is the check
    except ValueError:
        raise wrong("has a port that is not 0 to 65535", '"wss://host:443/path"') from None
    if not parts.hostname:
        raise wrong("has no host", '"wss://host/v1/realtime"')
    if parts.username is not None:
        raise wrong("has a user or password in it", "use `headers` or `api_key_file` instead")
    if parts.fragment:
        raise wrong("has a fragment (#...)", "leave it out")
    return text


def http_url(text: str) -> str:
    parts = urlsplit(text)
    form = '"https://host/path"'
    if parts.scheme not in ("http", "https"):
        raise wrong("is not an HTTP URL", form)
    try:
        parts.port  # noqa: B018 - the property is the check
    except ValueError:
        raise wrong("has a port that is not 0 to 65535", form) from None
    if not parts.hostname:
        raise wrong("has no host", form)
    if parts.username is not None:
        raise wrong("has a user or password in it", "use `headers` or `secret_file` instead")
    if parts.fragment:
        raise wrong("has a fragment (#...)", "leave it out")
    return text


def _variable(text: str) -> str:
    if text and not _VARIABLE.fullmatch(text):
        raise wrong(
            "is not the name of an environment variable (capitals, digits, underscores); "
            "the key itself does not belong here",
            'api_key_env = "OPENAI_API_KEY", or name a file with api_key_file',
        )
    return text


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise wrong("has a line break or a control character in it", "one line of plain text")
    return text


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if _CONTROL.search(text):
        raise wrong("has a line break or a control character in it", "exactly one line")
    if text != text.strip():
        raise wrong("begins or ends with a blank", "remove the blank")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        raise wrong("stands in quotes that are part of the value", "remove the inner quotes")
    return value


def _headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name in headers:
        if not _HEADER_NAME.fullmatch(name):
            raise wrong(f"{name!r} is not an HTTP header name", 'such as "api-key"')
        if name.lower() == "openai-beta":
            raise wrong("the beta protocol of the vendor is switched off", f"remove {name}")
    return headers


def _account_sid(text: str) -> str:
    if text and not _ACCOUNT_SID.fullmatch(text):
        raise wrong("is not AC and 32 lower-case hex digits", '"" for the usual one')
    return text


def _parameters(parameters: dict[str, str]) -> dict[str, str]:
    for name, value in parameters.items():
        if not name or len(name) + len(value) >= _PARAMETER_CHARS:
            raise wrong(
                f"{name!r} and its value are not 1 to {_PARAMETER_CHARS - 1} characters",
                "a name, and a shorter value",
            )
    return parameters


def _fault(text: str) -> str:
    if text:
        try:
            faults.parse(text)
        except faults.FaultError as error:
            raise wrong(error.what, error.fix) from None
    return text


def _recogniser(wanted: bool) -> bool:
    if wanted and not recogniser_available.is_installed():
        raise wrong("needs pocketsphinx, which is not installed", "pip install 'sipua[ears]'")
    return wanted


def _nameserver(text: str) -> str:
    try:
        host, port = split(text)
        ipaddress.ip_address(host)
    except ValueError:
        port = 0
    if port == 0:
        raise wrong("is not an address of a DNS server", 'such as "192.0.2.53" or "127.0.0.1:5353"')
    return text


def not_empty(items: tuple[str, ...]) -> tuple[str, ...]:
    if not items:
        raise wrong("is empty", "at least one")
    for index, item in enumerate(items):
        if item in items[:index]:
            raise wrong(f'has "{item}" twice', "name it once")
    return items


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    if words and not words[0].startswith("/"):
        raise wrong(
            "does not begin with the absolute path of a program; there is no shell, and no PATH "
            "is searched",
            '["/usr/local/bin/engine-token", "argument"]',
        )
    return words


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


AS_TUPLE = BeforeValidator(_to_tuple)
"""For an array of tables inside a section: `Annotated[tuple[XSection, ...], AS_TUPLE]`."""
Port = Annotated[int, Field(ge=0, le=65535)]
EvenPort = Annotated[int, Field(ge=1024, le=65534), AfterValidator(_even_port)]
Workers = Annotated[str, BeforeValidator(_number_to_text), AfterValidator(_workers)]
Ptime = Annotated[int, AfterValidator(_ptime)]
OptionalSessionTime = Annotated[int, Field(ge=0, le=86400), AfterValidator(_session_time)]
OptionalPtime = Annotated[int, AfterValidator(lambda ms: _ptime(ms) if ms else ms)]
Name = Annotated[str, AfterValidator(_name)]
SipUser = Annotated[str, AfterValidator(_sip_user)]
OptionalSipUser = Annotated[str, AfterValidator(lambda text: _sip_user(text) if text else text)]
ServerUriText = Annotated[str, AfterValidator(_server_uri)]
OptionalServerUri = Annotated[str, AfterValidator(lambda text: _server_uri(text) if text else text)]
Realm = Annotated[str, AfterValidator(_realm)]
WebsocketUrl = Annotated[str, AfterValidator(_websocket_url)]
VariableName = Annotated[str, AfterValidator(_variable)]
OptionalHttpUrl = Annotated[str, AfterValidator(lambda text: http_url(text) if text else text)]
OneLine = Annotated[str, AfterValidator(_one_line)]
AccountSid = Annotated[str, AfterValidator(_account_sid)]
Parameters = Annotated[dict[str, OneLine], AfterValidator(_parameters)]


def _certificate_name(text: str) -> str:
    name = text.lower()
    if not is_hostname(name) and not is_address(name) and not name.startswith(("sip:", "sips:")):
        raise wrong(
            "is not a name that a certificate may have: no patterns (RFC 5922 7.2)",
            'such as "sbc.example.com", "192.0.2.10" or "sip:example.com"',
        )
    return name


class Sound:
    """Marks a key that names a WAV file; the loader makes its path absolute and reads it once."""


SoundFile = Annotated[str, AfterValidator(_one_line), Sound()]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Ears = Annotated[bool, AfterValidator(_recogniser)]
Fault = Annotated[str, AfterValidator(_fault)]
NO_SECRET = SecretStr("")
Headers = Annotated[dict[str, Secret], AfterValidator(_headers)]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
Codecs = Annotated[
    tuple[Annotated[str, AfterValidator(_codec)], ...],
    BeforeValidator(_to_tuple),
    AfterValidator(not_empty),
]
OptionalCodecs = Annotated[
    tuple[Annotated[str, AfterValidator(_codec)], ...],
    BeforeValidator(_to_tuple),
    AfterValidator(lambda names: not_empty(names) if names else names),
]
Transports = Annotated[
    tuple[Annotated[str, AfterValidator(_transport)], ...],
    BeforeValidator(_to_tuple),
    AfterValidator(not_empty),
]
CertificateNames = Annotated[
    tuple[Annotated[str, AfterValidator(_certificate_name)], ...], BeforeValidator(_to_tuple)
]
Command = Annotated[
    tuple[OneLine, ...],
    BeforeValidator(_to_tuple),
    AfterValidator(_command),
]
Nameservers = Annotated[
    tuple[Annotated[str, AfterValidator(_nameserver)], ...], BeforeValidator(_to_tuple)
]
