"""The dialects that the local agent's server speaks, by the names of the edge's configuration."""

from collections.abc import Mapping
from typing import Final

from sipua.bridge.agent.dialects import beta, qwen, voice_live, xai
from sipua.bridge.agent.realtime.protocol import GA, ServerDialect

DIALECTS: Final[Mapping[str, ServerDialect]] = {
    "ga": GA,
    "beta": ServerDialect(beta.READ, beta.BetaOutbox),
    "xai": ServerDialect(xai.READ, xai.XaiOutbox),
    "azure_voice_live": ServerDialect(voice_live.READ, voice_live.VoiceLiveOutbox),
    "qwen": ServerDialect(qwen.READ, qwen.QwenOutbox),
}
