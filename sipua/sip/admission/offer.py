"""Whether the offer in an INVITE can be met at all, before anything is spent on it (RFC 3264).

pjsip negotiates, but it finds a fault late, after the caller heard ringing and an engine was asked.
What is refused here could never have been answered; offers with other faults pass, and pjsip
refuses them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence

from sipua.sip.admission.admission import Refusal
from sipua.sip.wire import codecs as names_of
from sipua.sip.wire import sdp, texts
from sipua.sip.wire.srtp import dtls, sdes
from sipua.sip.wire.srtp.policy import SrtpKeying, SrtpPolicy

MAX_MEDIA = 16
"""pjsip's limit of sections (PJMEDIA_MAX_SDP_MEDIA); an answer has as many as its offer."""

# Limits of the work: an offer with ICE candidates for each of its media has some 200 lines.
_MAX_LINES = 1000
_MAX_PARTS = 16  # of a multipart body: SDP behind so many parts is not found
_MAX_PARAMETERS = 16

_PLAIN = ("RTP/AVP", "RTP/AVPF")
_FAMILIES = {"IP4": "IPv4", "IP6": "IPv6"}


def refusal(
    message: str,
    codecs: Sequence[str],
    address_types: Collection[str],
    srtp: SrtpPolicy = "off",
    keying: SrtpKeying = "sdes",
) -> Refusal | None:
    """The refusal of this INVITE, or None. Without an offer there is nothing to refuse."""
    message = message.replace("\r\n", "\n").replace("\r", "\n")  # each ends a line for pjsip
    body = message.partition("\n\n")[2]
    content_type = texts.header(message, "Content-Type") or ""
    kind = content_type.partition(";")[0].strip().lower()
    if not body.strip():
        return None
    if kind.startswith("multipart/"):
        boundary = _parameter(content_type, "boundary")
        if not boundary:
            return Refusal(400, "Bad Request", cause="the multipart body has no boundary")
        body = _sdp_part(body, boundary)
    elif kind != "application/sdp":
        return None
    cause = unmet(body, codecs, address_types, srtp, keying) if body else ""
    return Refusal(488, "Not Acceptable Here", cause=cause) if cause else None


def unmet(
    text: str,
    codecs: Sequence[str],
    address_types: Collection[str],
    srtp: SrtpPolicy = "off",
    keying: SrtpKeying = "sdes",
) -> str:
    """Why this offer cannot be met; empty: no reason was found."""
    if (sections := text.count("\nm=")) > MAX_MEDIA:
        return f"the offer has {sections} media sections, and {MAX_MEDIA} are the most"
    if text.count("\n") > _MAX_LINES:
        return f"the offer has more than {_MAX_LINES} lines"
    session, *media = sdp.sections(text)
    if not media:
        return ""
    audio = _chosen(session, media, srtp)
    if audio is None:
        return f"the offer has no RTP audio{' without SRTP' if srtp == 'off' else ''}"
    if cause := _keyless(session, audio, srtp, keying):
        return cause
    if not set(names_of.by_number(audio).values()) & {codec.upper() for codec in codecs}:
        return f"the offer has none of the codecs {', '.join(codecs)}"
    return _unreachable(session, audio, address_types)


def misplaced(
    text: str,
    address_types: Collection[str],
    srtp: SrtpPolicy = "off",
    keying: SrtpKeying = "sdes",
) -> str:
    """Why the audio of an offer within a call cannot be reached, or its SRTP not be had; empty: no
    reason was found.
    """
    session, *media = sdp.sections(text)
    audio = _chosen(session, media, srtp)
    if audio is None:
        return ""
    return _keyless(session, audio, srtp, keying) or _unreachable(session, audio, address_types)


def _keyless(session: list[str], audio: list[str], srtp: SrtpPolicy, keying: SrtpKeying) -> str:
    if keying == "dtls":
        return dtls.unmet(session, audio, srtp)
    return sdes.unmet(audio, srtp)


def _unreachable(session: list[str], audio: list[str], address_types: Collection[str]) -> str:
    """Why we cannot send to the address of this section; empty: no reason was found."""
    where = [_connection(session, audio)]
    for line in audio:
        _port, _, at = line.removeprefix("a=rtcp:").partition(" ")
        if line.startswith("a=rtcp:") and at:
            where.append(at)
    for connection in where:
        _, address_type, address = [*connection.split(), "", "", ""][:3]
        if address_type not in _FAMILIES:
            continue  # no address, or an invalid one: pjsip answers 400
        if address_type not in address_types:
            ours = " and ".join(_FAMILIES[name] for name in sorted(address_types))
            return f"the offer wants its audio over {_FAMILIES[address_type]}, and we have {ours}"
        if not _is_address(address.partition("/")[0], address_type):
            return "the offer names a host for its audio, and not its IP address"
    return ""


def _chosen(session: list[str], media: list[list[str]], srtp: SrtpPolicy) -> list[str] | None:
    """The section that pjsua answers: the first that is not on hold, else the first. Those with
    SRTP come before, where it is wanted.
    """
    audio = [section for section in media if _is_audio(section)]
    if srtp == "off":
        audio = [section for section in audio if not sdes.secured(section)]
    else:
        audio.sort(key=sdes.secured, reverse=True)
    flowing = (section for section in audio if not _on_hold(session, section))
    return next(flowing, audio[0] if audio else None)


def _is_audio(section: list[str]) -> bool:
    kind, port, profile = [*_media(section), "", "", ""][:3]
    known = profile in _PLAIN or sdes.secured(section)
    return kind.lower() == "audio" and port.partition("/")[0] != "0" and known


def _on_hold(session: list[str], section: list[str]) -> bool:
    return "a=inactive" in section or _connection(session, section).endswith(" 0.0.0.0")


def _media(section: list[str]) -> list[str]:
    return section[0].removeprefix("m=").split()


def _connection(session: list[str], section: list[str]) -> str:
    """The content of `c=`: the section's own before the session's, and of two the last: pjsip's."""
    for line in (*reversed(section), *reversed(session)):
        if line.startswith("c="):
            return line.removeprefix("c=").strip()
    return ""


def _is_address(text: str, address_type: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == (4 if address_type == "IP4" else 6)
    except ValueError:
        return False


def _parameter(content_type: str, name: str) -> str:
    for parameter in content_type.split(";", _MAX_PARAMETERS)[1:]:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""


def _sdp_part(body: str, boundary: str) -> str:
    """The first part that is SDP; empty: there is none."""
    for part in f"\n{body}".split(f"\n--{boundary}", _MAX_PARTS)[1:]:
        # Behind the rest of the boundary's line the part looks like a message: headers, then body.
        if (texts.header(part, "Content-Type") or "").lower().startswith("application/sdp"):
            return part.partition("\n\n")[2]
    return ""
