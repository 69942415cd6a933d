"""How an account or a trunk talks SIP, and which audio it gets: keys that both have."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

SessionTimers = Literal["off", "optional", "required"]
Prack = Literal["off", "accepted", "preferred", "required"]
RingingTone = Literal["eu", "uk", "us", "fr", "au", "jp"]
Srtp = Literal["off", "prefer", "require"]
SrtpKeys = Literal["sdes", "dtls"]

CODECS: Any = Field(
    default=(),
    description="Codecs of its calls, in order of preference: our offers have these alone, and our "
    "answers the first of them that its offer has. Empty: those of `rtp.codecs`, and its own order "
    "counts.",
    examples=[["PCMA", "PCMU"]],
)
PTIME_MS: Any = Field(
    default=0, description="Length of the packets that we send it: 10 to 60. 0: `rtp.ptime_ms`."
)
SESSION_TIMERS: Any = Field(
    default="optional",
    description="Session timers (RFC 4028), by which the loss of a peer is noticed. `off`: only "
    "where it insists. `optional`: where it knows them. `required`: its calls without them get "
    "421, and ours fail.",
)
SESSION_EXPIRES_S: Any = Field(
    default=0,
    description="The time of these timers, 90 at least. 0: `sip.session_expires_s`.",
)
MIN_SESSION_EXPIRES_S: Any = Field(
    default=0,
    description="The shortest that we accept, 90 at least; a shorter one gets 422. 0: "
    "`sip.min_session_expires_s`.",
)
PRACK: Any = Field(
    default="accepted",
    description="Reliable ringing (RFC 3262). `accepted`: where it asks for it. `off`: the same, "
    "and our INVITEs do not offer it. `preferred`: our ringing is reliable where its INVITE says "
    "that it can. `required`: its calls without it get 421, and ours ask for it.",
)
EARLY_MEDIA: Any = Field(
    default=False,
    description="Calls that come in by it hear us before the answer: 183 with SDP in the place of "
    "180, and a ringing tone of ours. For a network that passes no ringing of its own on. "
    "docs/trunks.md.",
)
RINGING_TONE: Any = Field(
    default="eu",
    description="`early_media`: the ringing tone of most of Europe (`eu`), the United Kingdom "
    "(`uk`), North America (`us`), France (`fr`), Australia (`au`) or Japan (`jp`).",
)
EARLY_MEDIA_SOUND: Any = Field(
    default="",
    description="`early_media`: WAV file (16 bit PCM) in the place of the ringing tone, heard over "
    "and over until the answer.",
)
SRTP: Any = Field(
    default="off",
    description="Encrypted audio (SRTP). `off`: never. `prefer`: where its "
    "offer has it, and ours offer it as an extra that it may pass over. `require`: always; its "
    "calls without it get 488, and ours are hung up. Needs the extra `sipua[srtp]`. docs/srtp.md.",
)
SRTP_KEYS: Any = Field(
    default="sdes",
    description="Where the keys of SRTP come from. `sdes`: the SDP of both sides. `dtls`: a "
    "handshake on the RTP port, where the SDP has fingerprints of the certificates; needs the "
    "extra `sipua[dtls]`. docs/srtp.md.",
)
