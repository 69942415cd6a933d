"""Where the engines are: the vendor's address, a configured one, or the embedded local agent."""

from __future__ import annotations

from urllib.parse import urlsplit

from sipua import wiring
from sipua.bridge.agent.process import AgentProcess
from sipua.bridge.engines import ENGINES
from sipua.config import Config, EngineSection


class EngineHost:
    """Runs the local agent while any engine of the configuration wants it."""

    def __init__(self, config: Config) -> None:
        self._agent: AgentProcess | None = None
        if any(_is_embedded(section) for section in wiring.engine_sections(config)):
            self._agent = AgentProcess(wiring.agent_settings(config))

    async def start(self) -> None:
        """Raises AgentError."""
        if self._agent is not None:
            await self._agent.start()

    async def stop(self) -> None:
        if self._agent is not None:
            await self._agent.stop()

    def url(self, section: EngineSection) -> str:
        """Empty: the vendor's own."""
        if _is_embedded(section) and self._agent is not None:
            path = ENGINES[section.type].local
            return urlsplit(self._agent.url)._replace(path=path).geturl()
        return section.url


def _is_embedded(section: EngineSection) -> bool:
    return bool(ENGINES[section.type].local) and not section.url
