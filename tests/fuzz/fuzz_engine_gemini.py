"""Any messages of a server of Gemini Live are typed events or told as unreadable, and all that is
sent in return is JSON."""

import sys

import atheris
from engine_events import judged, messages

with atheris.instrument_imports():
    from sipua.bridge.engine_api.settings import EngineSettings
    from sipua.bridge.engines.gemini_live.events import ServerMessage
    from sipua.bridge.engines.gemini_live.protocol import GeminiLive

KNOWN = {"": ServerMessage}  # it has no types


def test_one_input(data: bytes) -> None:
    engine = GeminiLive(EngineSettings())
    engine.start()
    engine.receive(b'{"setupComplete":{}}')
    for given, message in messages(data, KNOWN):
        judged(engine, given, message)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
