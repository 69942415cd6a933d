"""What the configuration wants of the audio of a peer's calls."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

SrtpPolicy: TypeAlias = Literal["off", "prefer", "require"]
"""Whether it is encrypted: never, where the peer can do that, or always."""

SrtpKeying: TypeAlias = Literal["sdes", "dtls"]
"""Where the keys come from: the SDP, or a handshake on the RTP port."""

NO_SRTP_OFFERED: Final = 'the offer has no SRTP, which `srtp = "require"` asks for'
NO_SRTP_ANSWERED: Final = 'the answer has no SRTP, which `srtp = "require"` asks for'
NOT_OFFERED: Final = "the answer has SRTP that was not offered"
