"""The SIP URIs that a configuration may hold: a server, not a user (RFC 3261 19.1)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from sipua.rtp.hostport import is_address, is_loopback, split

SIP_PORT = 5060
SIPS_PORT = 5061

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PARAMETER = r";[A-Za-z0-9_.!~*'()%+-]+(?:=[A-Za-z0-9_.!~*'()%+:\[\]-]+)?"
_TARGET = re.compile(
    r"sips?:(?:[A-Za-z0-9_.!~*'()&=+$,;/-]|%[0-9A-Fa-f]{2}){1,128}@"
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?(?:{_PARAMETER})*"
)


_NUMBER = re.compile(r"(?:tel:)?\+?[0-9*#]{1,31}")


class UriError(ValueError):
    """A fault in the text, and what to write instead."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class ServerUri:
    host: str
    port: int
    transport: str
    has_port: bool = True
    """False: the port is the default, and DNS may say otherwise by SRV records."""

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    def may_be_reached_from(self, host: str) -> bool:
        """Whether the families fit; a name may have addresses of both."""
        return not self.is_address or (":" in self.host) == (":" in host)

    @property
    def is_address(self) -> bool:
        return is_address(self.host)


def is_hostname(text: str) -> bool:
    # All digits and dots is an address that was mistyped, not a name.
    numeric = text.replace(".", "").isdigit()
    return len(text) <= 253 and not numeric and _HOSTNAME.fullmatch(text) is not None


def is_number(text: str) -> bool:
    """Whether it is digits that a peer dials, perhaps written as `tel:`."""
    return _NUMBER.fullmatch(text) is not None


def check_target(text: str) -> None:
    """Check the target that a peer shall call: `sip:user@host` or a number. Raises UriError.

    Nothing else that a peer could read: no headers (`?Replaces=`), no brackets, no blanks.
    """
    if not is_number(text) and not _TARGET.fullmatch(text):
        raise UriError(
            "is neither a SIP URI with a user nor a number",
            '"sip:100@pbx.example.com:5060" (no headers, brackets or blanks), or "+4930123456"',
        )


def parse_server(text: str) -> ServerUri:
    """The server of `sip:host[:port][;transport=udp|tcp|tls][;lr]`; `sips:` is by TLS."""
    form = 'write it as "sip:host:port;transport=udp"'
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips", "tel"):
        fix = f'"sip:{text}"' if _looks_like_host(text) else form
        raise UriError("a SIP URI starts with sip:", fix)
    if scheme.lower() == "tel":
        raise UriError(f"{scheme}: names a number, and no server", form)
    if "@" in rest:
        raise UriError(
            "names a server, so it has no user or password in it",
            f'"sip:{rest.rpartition("@")[2]}", with the user in `user`',
        )
    if rest.startswith("//"):
        raise UriError("a SIP URI has no slashes", f'"sip:{rest.lstrip("/")}"')
    hostport, *parameters = rest.split(";")
    host, port = _split_port(hostport, form)
    has_port = port is not None
    transport = _transport(parameters, form)
    if scheme.lower() == "sips":
        transport = _transport_of_sips(parameters, transport, rest)
    default = SIPS_PORT if transport == "tls" else SIP_PORT
    return ServerUri(host, port or default, transport, has_port)


def _split_port(hostport: str, form: str) -> tuple[str, int | None]:
    try:
        host, port = split(hostport)
    except ValueError as error:
        raise UriError(str(error), form) from None
    if ":" in host:
        _check_ipv6(hostport, host)
    elif not _is_ipv4(host) and not is_hostname(host):
        raise UriError(f"{host!r} is neither an IP address nor a host name", form)
    if port == 0:
        raise UriError("0 is not a port (1 to 65535)", form)
    return host, port


def _check_ipv6(hostport: str, host: str) -> None:
    if not hostport.startswith("["):
        raise UriError("an IPv6 address stands in brackets in a URI", f'"sip:[{host}]"')
    if ipaddress.IPv6Address(host).is_link_local:
        raise UriError(
            f"{host} is link-local: a URI cannot say on which interface it is meant",
            "use a global or unique local address of the server, or its name",
        )


def _transport_of_sips(parameters: list[str], transport: str, rest: str) -> str:
    """RFC 3261 26.2.2: a transport of such a URI is what TLS runs over."""
    if transport == "udp" and any(one.lower().startswith("transport=") for one in parameters):
        raise UriError("sips: is by TLS, which has no UDP", f'"sips:{rest.partition(";")[0]}"')
    return "tls"


def _transport(parameters: list[str], form: str) -> str:
    transport = "udp"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.lower() == "transport":
            transport = value.lower()
            if transport not in ("udp", "tcp", "tls"):
                raise UriError(
                    f"transport {value!r} is not supported: udp, tcp and tls are",
                    "end it with ;transport=udp, ;transport=tcp or ;transport=tls",
                )
        elif name.lower() != "lr":
            raise UriError(f"parameter {name!r} is not known here", form)
    return transport


def _looks_like_host(text: str) -> bool:
    try:
        host, _ = split(text.partition(";")[0])
    except ValueError:
        return False
    return _is_ipv4(host) or is_hostname(host)


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
