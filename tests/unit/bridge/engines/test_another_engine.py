"""Another engine takes one file and one entry in the registry: the file is in docs/new_engine.md.

It holds a conversation through the same session, websocket and all, and can be configured by name.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sipua.bridge import engines
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineLost,
    Event,
    SessionReady,
    SpeechStarted,
)
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import EngineKind, create
from support.engine.scripted_engine import Peer, scripted_engine

PAGE = Path(__file__).parents[4] / "docs" / "new_engine.md"


def from_the_page() -> dict[str, Any]:
    """What docs/new_engine.md tells its reader to write."""
    (text,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(text, PAGE, "exec"), names)
    return names


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EngineKind(from_the_page()["toy"], model="toy-1")
    kinds: Mapping[str, EngineKind] = {**engines.ENGINES, "toy": entry}
    monkeypatch.setattr(engines, "ENGINES", kinds)


@pytest.mark.usefixtures("registered")
async def test_a_conversation_with_an_engine_that_nobody_knows() -> None:
    heard: list[bytes | str] = []

    async def talk(peer: Peer) -> None:
        async def hear() -> None:
            heard.append(await peer.connection.recv())

        await hear()
        await peer.connection.send("welcome toy-session")
        await hear()
        for message in (b"\x7f\x7f", "gibberish", "silence", "listening"):
            await peer.connection.send(message)
        await hear()
        await hear()
        await peer.connection.close(1012, "restart")

    events: list[Event] = []
    over = asyncio.Event()

    def on_event(event: Event) -> None:
        events.append(event)
        if isinstance(event, SpeechStarted):
            session.truncate("answer", 1)
            session.cancel()
            session.append(b"\xff\xff")
        elif isinstance(event, EngineLost):
            over.set()

    async with scripted_engine(talk) as server:
        engine = create("toy", EngineSettings(url=server.url, api_key="key-1"))
        session = EngineSession(engine, on_event=on_event)
        await session.connect(5)
        assert session.hears is AudioFormat.PCMU
        session.speak("Hello.")
        async with asyncio.timeout(20):
            await over.wait()
        await session.close()
        assert server.requests[0].headers["Authorization"] == "Bearer key-1"
    assert events == [
        SessionReady("toy-session"),
        AudioDelta("answer", 0, b"\x7f\x7f"),
        AudioDone("answer"),
        SpeechStarted("turn", 0),
        EngineLost(1012, "restart", retryable=True),
    ]
    assert heard == ["hello", "say Hello.", "hush", b"\xff\xff"]
    assert session.counters()["odd"] == 1


CONFIGURE = """
import sipua.bridge.engines as engines
engines.ENGINES = {**engines.ENGINES, "toy": engines.EngineKind(lambda s: None, needs_key=False)}
from sipua.config.checks.engine import engines as findings
from sipua.config.sections.config import Config
from sipua.config.sections.schema import keys
config = Config.model_validate({"engine": {"type": "toy", "url": "ws://127.0.0.1:9"}})
assert list(findings(config)) == []
print(config.engine.type, "toy" in keys()[("engine", "type")].choices)
"""


def test_it_can_be_configured_by_its_name_and_nothing_else_knows_of_it() -> None:
    """In a process of its own: the choices are made when the configuration is imported."""
    ran = subprocess.run([sys.executable, "-c", CONFIGURE], capture_output=True, check=True)
    assert ran.stdout == b"toy True\n"
