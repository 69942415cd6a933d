"""The codecs that an SDP names, and ours with fewer of them (RFC 3264).

pjsip offers and answers with the same codecs in each call; which of them a trunk wants, and in
which order, is written into the SDP on its way out. An answer that is to keep our order names one
codec: who has sent the offer may use any of an answer's.
"""

from __future__ import annotations

from collections.abc import Sequence

from sipua.sip.wire import sdp

STATIC = {"0": "PCMU", "8": "PCMA"}
"""RFC 3551, table 4."""


def by_number(section: Sequence[str]) -> dict[str, str]:
    """The names of the known formats of an audio section: those at 8 kHz."""
    names = dict(STATIC)
    for line in section:
        if line.startswith("a=rtpmap:"):
            number, _, encoding = line.removeprefix("a=rtpmap:").partition(" ")
            name, _, rate = encoding.strip().partition("/")
            if rate.partition("/")[0] == "8000":
                names[number] = name.upper()
    formats = section[0].removeprefix("m=").split()[3:]
    return {number: names[number] for number in formats if number in names}


def for_answer(offer: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """The first of these that the offer has, alone; all of them when it has none: then there is no
    offer, or nothing to answer.
    """
    audio = sdp.audio(offer)
    offered = set(by_number(audio).values()) if audio else set()
    return next(((name,) for name in wanted if name in offered), tuple(wanted))


def only(ours: str, wanted: Sequence[str]) -> str:
    """Our SDP with these laws of G.711 alone, in this order; what is no law stays, behind them."""
    session, *media = sdp.sections(ours)
    return "\r\n".join([*session, *(line for one in media for line in _only(one, wanted)), ""])


def _only(section: list[str], wanted: Sequence[str]) -> list[str]:
    match section[0].removeprefix("m=").split():
        case ["audio", port, profile, *formats]:
            pass
        case _:
            return section
    laws = {number: name for number, name in by_number(section).items() if name in STATIC.values()}
    kept = [number for name in wanted for number, law in laws.items() if law == name]
    gone = laws.keys() - set(kept)
    if not kept or (not gone and kept == [one for one in formats if one in laws]):
        return section
    others = [number for number in formats if number not in laws]
    prefixes = tuple(f"a={name}:{number} " for name in ("rtpmap", "fmtp") for number in gone)
    lines = [line for line in section[1:] if not (prefixes and line.startswith(prefixes))]
    return [f"m={' '.join(('audio', port, profile, *kept, *others))}", *lines]
