"""The few parts of SDP that we read and write ourselves (RFC 4566, RFC 3264).

pjsip parses and negotiates; it only believes that its (loop) transport carries the audio. So
each SDP that it creates is rewritten on its way out: our address, our port, our ptime, no
`a=rtcp:` line, as RTCP is on the next port (or, when the offer has it, on the same: RFC 5761), and
no SSRC, as the packets are not its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

ExtendedRtcp: TypeAlias = Literal["auto", "always", "off"]
"""When extended reports are sent: where an offer asks for them, in all calls, or in none."""


def rewrite_local(
    sdp: str, host: str, port: int, ptime_ms: int, *, rtcp_mux: bool = False, rtcp_xr: bool = False
) -> str:
    """Put our media address into an SDP that pjsip made.

    Only the first audio section that is alive (port not 0) is given the port: a rejected
    section must stay rejected, or we would accept video by accident.
    """
    connection = f"IN {'IP6' if ':' in host else 'IP4'} {host}"
    session, *media = sections(sdp)
    out = [_with_origin(line, connection) for line in session if not line.startswith("c=")]
    timing = next((i for i, line in enumerate(out) if line.startswith("t=")), len(out))
    out.insert(timing, f"c={connection}")
    placed = False
    for section in media:
        kind, old_port, *rest = section[0].removeprefix("m=").split(" ")
        if kind != "audio" or old_port == "0" or placed:
            out += section
            continue
        placed = True
        out += [f"m={' '.join((kind, str(port), *rest))}", f"c={connection}"]
        out += [line for line in section[1:] if not line.startswith(_REPLACED)]
        out.append(f"a=ptime:{ptime_ms}")
        if rtcp_mux:
            out.append("a=rtcp-mux")
        if rtcp_xr:
            out.append("a=rtcp-xr:voip-metrics")
    return "\r\n".join(out) + "\r\n"


# Four attributes for each source (RFC 5576), for as many sources as the latch keeps.
_MAX_SSRC_LINES = 32
_REPLACED = ("c=", "a=rtcp:", "a=rtcp-mux", "a=rtcp-xr", "a=ptime:", "a=maxptime:", "a=ssrc:")


_KEYS = ("a=crypto:", "a=fingerprint:", "a=setup:", "a=connection:", "a=tls-id:")
"""Lines that have to do with SRTP."""


def with_keys(sdp: str, lines: Sequence[str], profile: str) -> str:
    """The same with this profile and these lines in the audio section that is alive, and with no
    others of their kind anywhere."""
    out: list[str] = []
    placed = False
    for section in sections(sdp):
        kept = [line for line in section if not line.startswith(_KEYS)]
        if section and section[0].startswith("m=audio ") and not placed:
            kind, port, _, *formats = kept[0].split(" ")
            if port != "0":
                placed = True
                kept = [" ".join((kind, port, profile, *formats)), *kept[1:], *lines]
        out += kept
    return "\r\n".join([*out, ""])


def profile_of(section: Sequence[str]) -> str:
    """The protocol of an m-line; empty: it has none."""
    words = section[0].split() if section else []
    return words[2] if len(words) > 2 else ""


def offers_rtcp_mux(sdp: str) -> bool:
    """Whether the audio section that we answer wants RTP and RTCP on one port."""
    return any(line.strip() == "a=rtcp-mux" for line in audio(sdp))


def wants_extended_rtcp(sdp: str, configured: ExtendedRtcp, before: bool) -> bool:
    """Whether reports with VoIP metrics are to be sent (RFC 3611 §5): an attribute of the audio
    section, or of all, asks for them. Without an SDP of the other side it is as it was `before`.
    """
    if configured != "auto":
        return configured == "always"
    if not sdp:
        return before
    asks = re.compile(r"a=rtcp-xr:(?:[^ ]+ )*voip-metrics(?: |$)")
    return any(asks.match(line) for line in (*sections(sdp)[0], *audio(sdp)))


def announced_ssrcs(sdp: str) -> frozenset[int]:
    """The SSRCs that the audio section announces (RFC 5576)."""
    found = (re.match(r"a=ssrc:([0-9]{1,10})\b", line) for line in audio(sdp))
    numbers = {int(match[1]) for match in itertools.islice(filter(None, found), _MAX_SSRC_LINES)}
    return frozenset(number for number in numbers if number < 1 << 32)


def audio(sdp: str) -> list[str]:
    """The audio section that we answer; empty when there is none."""
    for section in sections(sdp)[1:]:
        kind, _, rest = section[0].removeprefix("m=").partition(" ")
        if kind == "audio" and not rest.startswith("0 "):
            return section
    return []


def offered_host(sdp: str) -> str:
    """The RTP host of the audio section that we answer, as it is written there; empty: no host is
    named, or there is no such section.
    """
    section = audio(sdp)
    return (section and (_connection(section) or _connection(sections(sdp)[0]))) or ""


def body(message: str) -> str:
    return message.replace("\r\n", "\n").partition("\n\n")[2]


def _connection(section: list[str]) -> str:
    """The host of its c-line: `c=IN IP6 2001:db8::1`. Of two pjsip takes the last."""
    line = next((line for line in reversed(section) if line.startswith("c=")), "")
    words = line.split()
    return words[2].partition("/")[0] if len(words) == 3 else ""


def sections(sdp: str) -> list[list[str]]:
    """The session part, then one list of lines for each m-line."""
    found: list[list[str]] = [[]]
    for line in sdp.replace("\r\n", "\n").split("\n"):
        if line.startswith("m="):
            found.append([])
        if line:
            found[-1].append(line)
    return found


def _with_origin(line: str, connection: str) -> str:
    if not line.startswith("o="):
        return line
    return " ".join([*line.split(" ")[:3], connection])
