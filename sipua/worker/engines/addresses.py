"""The addresses and keys of engines: the vendor's, a configured one, or the local agent's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from sipua.bridge.agent.scenario.settings import CALL_ID_HEADER
from sipua.bridge.engine_link import upgrade
from sipua.config import Config, EngineSection
from sipua.edge.wiring import wiring
from sipua.worker.engines.key import EngineKey
from sipua.worker.engines.stream_status import StreamStatus, Tell


class EngineAddresses:
    def __init__(self, config: Config, agent_url: str = "") -> None:
        """`agent_url`: the embedded local agent's; empty when no engine needs it."""
        self._agent_url = agent_url
        self._agent_key = config.agent.api_key.get_secret_value()
        self._sections = wiring.engine_sections(config)
        self._streams = StreamStatus()
        commands = {(one.api_key_command, one.api_key_command_s) for one in self._sections}
        self._keys = {
            (words, life_s): EngineKey(words, life_s) for words, life_s in commands if words
        }

    def warm_up(self) -> None:
        """Load the certificates now, not in the moment of an outage."""
        for section in self._sections:
            with contextlib.suppress(
                ValueError
            ):  # reported when a call needs it, and the next one is tried
                if wiring.engine_host(self.url(section)).startswith("wss:"):
                    upgrade.read_certificates()

    def api_key(self, section: EngineSection) -> str:
        """The embedded agent gets its own key and no other: a vendor's key, from the environment or
        from the section before, is not for it.
        """
        embedded = wiring.is_embedded(section)
        return self._agent_key if embedded else section.api_key.get_secret_value()

    def key(self, section: EngineSection) -> EngineKey | None:
        """The key of a command, which several engines may share; None: `api_key` has it."""
        return self._keys.get((section.api_key_command, section.api_key_command_s))

    def fetch_keys(self) -> None:
        for key in self._keys.values():
            key.fetch()

    def stream_status(self, section: EngineSection) -> Callable[[str, str], Tell] | None:
        """By the key and the call's id: who is told of a call's stream. None: no server is."""
        return partial(self._streams.to, section.status_url) if section.status_url else None

    async def close(self) -> None:
        await self._streams.close()
        for key in self._keys.values():
            await key.close()

    def headers(self, section: EngineSection, call_id: str) -> dict[str, str]:
        """The section's headers; for the embedded agent also the call's id, for its log lines."""
        return {CALL_ID_HEADER: call_id} if wiring.is_embedded(section) else {}

    def url(self, section: EngineSection) -> str:
        return wiring.engine_url(section, self._agent_url)
