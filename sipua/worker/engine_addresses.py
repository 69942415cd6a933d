"""The addresses and keys of engines: the vendor's, a configured one, or the local agent's."""

from __future__ import annotations

import contextlib

from sipua.bridge.agent.scenario.settings import CALL_ID_HEADER
from sipua.bridge.engine_link import websocket
from sipua.config import Config, EngineSection
from sipua.edge.wiring import wiring


class EngineAddresses:
    def __init__(self, config: Config, agent_url: str = "") -> None:
        """`agent_url`: the embedded local agent's; empty when no engine needs it."""
        self._agent_url = agent_url
        self._agent_key = config.agent.api_key.get_secret_value()
        self._sections = wiring.engine_sections(config)

    def warm_up(self) -> None:
        """Load the certificates now, not in the moment of an outage."""
        for section in self._sections:
            with contextlib.suppress(
                ValueError
            ):  # reported when a call needs it, and the next one is tried
                if wiring.engine_host(self.url(section)).startswith("wss:"):
                    websocket.read_certificates()

    def api_key(self, section: EngineSection) -> str:
        """The embedded agent gets its own key and no other: a vendor's key, from the environment or
        from the section before, is not for it.
        """
        embedded = wiring.is_embedded(section)
        return self._agent_key if embedded else section.api_key.get_secret_value()

    def headers(self, section: EngineSection, call_id: str) -> dict[str, str]:
        """The section's headers; for the embedded agent also the call's id, for its log lines."""
        return {CALL_ID_HEADER: call_id} if wiring.is_embedded(section) else {}

    def url(self, section: EngineSection) -> str:
        return wiring.engine_url(section, self._agent_url)
