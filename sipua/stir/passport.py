"""PASSporTs: what a signer says of a call (RFC 8225), and the Identity header that carries one (RFC
8224 4, RFC 8946 for `div`).

    Identity: header.payload.signature;info=<https://…>;alg=ES256;ppt=shaken      full form
    Identity: ..signature;info=<https://…>;alg=ES256                               compact form

Every text is of a peer. Reading it takes bounded time and memory, and raises IdentityError alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sipua.sip.parties.claim import canonical_tn
from sipua.stir.faults import INVALID_IDENTITY, IdentityError

LONGEST_HEADER: Final = 8192
"""A header with a PASSporT has some 500 characters."""
_LONGEST_URL: Final = 512
_MOST_PARTIES: Final = 32
_ORIGID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_IDENTITY: Final = re.compile(
    r"([A-Za-z0-9_-]{0,2048})\.([A-Za-z0-9_-]{0,6000})\.([A-Za-z0-9_-]{1,512})[ \t]{0,8}(;.*)?"
)
_PARAMETER: Final = re.compile(
    r'[ \t]*;[ \t]*([A-Za-z0-9-]{1,32})[ \t]*=[ \t]*(<[^<>]*>|"[^"]*"|[^;\s]*)'
)


@dataclass(frozen=True, slots=True)
class Passport:
    ppt: str
    """`shaken`, `div`; empty: the baseline of RFC 8225."""
    url: str
    """Of its certificate."""
    signed: bytes
    signature: bytes
    orig: str
    """Digits of a number, or a URI; so are the next ones."""
    dests: tuple[str, ...]
    iat: int
    attest: str = ""
    origid: str = ""
    diverted: str = ""
    """Of a `div`: who was called before."""


@dataclass(frozen=True, slots=True)
class Compact:
    """A signature, whose PASSporT is to be made of the other headers."""

    url: str
    signature: bytes

    def passport(self, orig: str, dest: str, iat: int) -> Passport:
        header = {"alg": "ES256", "typ": "passport", "x5u": self.url}
        payload = {"dest": _listed([dest]), "iat": iat, "orig": _party(orig)}
        signed = encoded(header) + b"." + encoded(payload)
        return Passport("", self.url, signed, self.signature, orig, (dest,), iat)


def read(value: str) -> Passport | Compact | None:
    """One value of an Identity header. None: of an extension that we do not know, and so it says
    nothing to us (RFC 8225 8.1). Raises IdentityError."""
    found = _IDENTITY.fullmatch(value.strip())
    if found is None:
        raise _invalid("is no Identity header")
    header, payload, signature, behind = found.groups()
    parameters = _parameters(behind or "")
    if (alg := parameters.get("alg", "ES256")) != "ES256":
        raise _invalid(f"its algorithm is {alg[:16]}, and not ES256")
    ppt, info = parameters.get("ppt", ""), parameters.get("info", "")
    if not header and not payload:
        if ppt:
            raise _invalid(f"a compact {ppt[:16]} has not all that is signed")
        return Compact(_url(info), _decoded(signature))
    return _full(header, payload, signature, ppt=ppt, info=info)


def _full(header: str, payload: str, signature: str, *, ppt: str, info: str) -> Passport | None:
    protected, claims = _object(header), _object(payload)
    if protected.get("alg") != "ES256" or protected.get("typ") != "passport":
        raise _invalid("its PASSporT is not one signed by ES256")
    if "crit" in protected:
        raise _invalid("its PASSporT demands an extension of JWS")
    kind = protected.get("ppt", "")
    if ppt and ppt != kind:
        raise _invalid("its `ppt` is not that of its PASSporT")
    if kind not in ("", "shaken", "div"):
        return None
    url = _url(protected.get("x5u"))
    if info and _url(info) != url:
        raise _invalid("its `info` is not the `x5u` of its PASSporT")
    attest = claims.get("attest", "")
    origid = claims.get("origid", "")
    if kind == "shaken":
        if attest not in ("A", "B", "C"):
            raise _invalid("its PASSporT attests nothing")
        if not isinstance(origid, str) or not _ORIGID.fullmatch(origid):
            raise _invalid("its PASSporT has no `origid`")
    else:
        attest = origid = ""
    return Passport(
        kind,
        url,
        f"{header}.{payload}".encode(),
        _decoded(signature),
        _one(claims.get("orig"), "orig"),
        _several(claims.get("dest")),
        _time(claims.get("iat")),
        attest,
        origid,
        _one(claims.get("div"), "div") if kind == "div" else "",
    )


def encoded(value: dict[str, Any]) -> bytes:
    """As it is signed: the canonical JSON of RFC 8225 9, in base64url."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return base64url(text.encode())


def base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _party(one: str) -> dict[str, Any]:
    return {"uri": one} if ":" in one else {"tn": one}


def _listed(parties: Sequence[str]) -> dict[str, list[str]]:
    numbers = [one for one in parties if ":" not in one]
    uris = [one for one in parties if ":" in one]
    return {**({"tn": numbers} if numbers else {}), **({"uri": uris} if uris else {})}


def payload(
    orig: str, dests: Sequence[str], iat: int, *, attest: str = "", origid: str = "", div: str = ""
) -> dict[str, Any]:
    """The claims of a PASSporT of ours."""
    claims: dict[str, Any] = {"orig": _party(orig), "dest": _listed(dests), "iat": iat}
    if attest:
        claims |= {"attest": attest, "origid": origid}
    if div:
        claims["div"] = _party(div)
    return claims


# --- parts ------------------------------------------------------------------------------------


def _invalid(cause: str) -> IdentityError:
    return IdentityError(INVALID_IDENTITY, cause)


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text) and (one := _PARAMETER.match(text, at)):
        name, value = one[1].lower(), one[2].strip('<>"')
        if found.setdefault(name, value) != value:
            raise _invalid(f"has two values of `{name}`")
        at = one.end()
    return found


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise _invalid("does not say where its certificate is")
    if not value.lower().startswith("https://") or len(value) > _LONGEST_URL or " " in value:
        raise _invalid("its certificate has no https URL")
    return value


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("is no base64url") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(
            _decoded(text).decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):  # as UnicodeDecodeError is one
        raise _invalid("its PASSporT is no JSON, or has a key twice") from None
    if not isinstance(value, dict):
        raise _invalid("its PASSporT is no object")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values one reader takes the first, and another one the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _one(value: object, name: str) -> str:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, party),) = value.items()
        if (found := _canonical(kind, party)) is not None:
            return found
    raise _invalid(f"its PASSporT has no `{name}`")


def _several(value: object) -> tuple[str, ...]:
    found: list[str] = []
    if isinstance(value, dict) and value.keys() <= {"tn", "uri"}:
        for kind, parties in value.items():
            for party in parties if isinstance(parties, list) else [parties]:
                one = _canonical(kind, party)
                if one is None or len(found) == _MOST_PARTIES:
                    raise _invalid("its PASSporT has a `dest` that is none")
                found.append(one)
    if not found:
        raise _invalid("its PASSporT has no `dest`")
    return tuple(found)


def _canonical(kind: str, party: object) -> str | None:
    if not isinstance(party, str) or len(party) > _LONGEST_URL:
        return None
    if kind == "tn":
        return canonical_tn(party)
    return party.lower() if kind == "uri" and ":" in party else None


def _time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
        raise _invalid("its PASSporT does not say when it was made")
    return int(value)
