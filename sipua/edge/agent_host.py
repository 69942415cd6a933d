"""The embedded local agent: one process for all workers, run when an engine needs it."""

from __future__ import annotations

from sipua.bridge.agent.process import AgentProcess
from sipua.config import Config
from sipua.edge.wiring import wiring


class AgentHost:
    def __init__(self, config: Config) -> None:
        needed = any(wiring.is_embedded(section) for section in wiring.engine_sections(config))
        self._agent = AgentProcess(wiring.agent_settings(config)) if needed else None

    async def start(self) -> str:
        """Its URL, which stays the same; empty: no engine needs it. Raises AgentError."""
        return await self._agent.start() if self._agent is not None else ""

    @property
    def url(self) -> str:
        return self._agent.url if self._agent is not None else ""

    async def stop(self) -> None:
        if self._agent is not None:
            await self._agent.stop()
