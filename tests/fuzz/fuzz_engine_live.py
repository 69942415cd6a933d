"""Any messages of a server of OpenAI Live are typed events or told as unreadable, and all that is
sent in return is JSON."""

import sys

import atheris
from engine_events import judged, messages, names

with atheris.instrument_imports():
    from sipua.bridge.engine_api.settings import EngineSettings
    from sipua.bridge.engines.openai_live.events import AnyEvent
    from sipua.bridge.engines.openai_live.protocol import OpenAILive

KNOWN = names(AnyEvent)


def test_one_input(data: bytes) -> None:
    engine = OpenAILive(EngineSettings())
    engine.start()
    for given, message in messages(data, KNOWN):
        judged(engine, given, message)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
