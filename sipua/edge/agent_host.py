"""The embedded local agent: one process for all workers, run when an engine needs it."""

from __future__ import annotations

from sipua.bridge.agent.process import AgentProcess
from sipua.config import Config
from sipua.edge.wiring import wiring


class AgentHost:
    def __init__(self, config: Config) -> None:
        self._agent = AgentProcess(wiring.agent_settings(config)) if _needed(config) else None

    async def start(self) -> str:
        """Its URL, which stays the same; empty: no engine needs it. Raises AgentError."""
        return await self._agent.start() if self._agent is not None else ""

    @property
    def url(self) -> str:
        return self._agent.url if self._agent is not None else ""

    async def url_for(self, config: Config) -> str:
        """As `start`, for another configuration. An agent that runs goes on as it was begun: calls
        may talk with it. Raises AgentError.
        """
        if self._agent is not None or not _needed(config):
            return self.url
        agent = AgentProcess(wiring.agent_settings(config))
        url = await agent.start()
        self._agent = agent
        return url

    async def stop(self) -> None:
        if self._agent is not None:
            await self._agent.stop()


def _needed(config: Config) -> bool:
    return any(wiring.is_embedded(section) for section in wiring.engine_sections(config))
