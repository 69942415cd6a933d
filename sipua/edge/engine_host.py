"""The addresses of engines: the vendor's, a configured one, or the embedded local agent's."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

from sipua.bridge.agent.process import AgentProcess
from sipua.bridge.agent.scenario.settings import CALL_ID_HEADER
from sipua.bridge.engine_link import websocket
from sipua.bridge.engines import ENGINES
from sipua.config import Config, EngineSection
from sipua.edge.wiring import wiring


class EngineHost:
    """The addresses and keys of engines; it runs the local agent when an engine needs it."""

    def __init__(self, config: Config) -> None:
        self._agent: AgentProcess | None = None
        self._agent_key = config.agent.api_key.get_secret_value()
        self._sections = wiring.engine_sections(config)
        if any(_is_embedded(section) for section in self._sections):
            self._agent = AgentProcess(wiring.agent_settings(config))

    async def start(self) -> None:
        """Start the local agent, if needed. Raises AgentError."""
        if self._agent is not None:
            await self._agent.start()
        for section in self._sections:
            self._warm_up(section)

    def _warm_up(self, section: EngineSection) -> None:
        """Load an engine's code and the certificates now, not in the moment of an outage."""
        with contextlib.suppress(
            ValueError
        ):  # reported when a call needs it, and the next one is tried
            if wiring.engine_host(section, self.url(section)).startswith("wss:"):
                websocket.read_certificates()

    async def stop(self) -> None:
        if self._agent is not None:
            await self._agent.stop()

    def api_key(self, section: EngineSection) -> str:
        """The embedded agent gets its own key and no other: a vendor's key, from the environment or
        from the section before, is not for it.
        """
        return self._agent_key if _is_embedded(section) else section.api_key.get_secret_value()

    def headers(self, section: EngineSection, call_id: str) -> dict[str, str]:
        """The section's headers; for the embedded agent also the call's id, for its log lines."""
        return {CALL_ID_HEADER: call_id} if _is_embedded(section) else {}

    def url(self, section: EngineSection) -> str:
        """The URL; empty: the vendor's own."""
        if _is_embedded(section) and self._agent is not None:
            path = ENGINES[section.type].local
            return urlsplit(self._agent.url)._replace(path=path).geturl()
        return section.url


def _is_embedded(section: EngineSection) -> bool:
    return bool(ENGINES[section.type].local) and not section.url
