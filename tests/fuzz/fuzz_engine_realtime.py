"""Any messages of a server of OpenAI Realtime, in any dialect, are typed events or told as
unreadable, and all that is sent in return is JSON."""

import sys

import atheris
from engine_events import judged, messages, names

with atheris.instrument_imports():
    from sipua.bridge.engine_api.settings import EngineSettings
    from sipua.bridge.engines.openai.decoder import ServerEvent
    from sipua.bridge.engines.openai_realtime import vocabulary
    from sipua.bridge.engines.openai_realtime.dialects import DIALECTS
    from sipua.bridge.engines.openai_realtime.events import AnyEvent
    from sipua.bridge.engines.openai_realtime.protocol import OpenAIRealtime


def _is_event(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, ServerEvent) and one is not ServerEvent


NAMES = tuple(DIALECTS)
KNOWN = {
    **names(AnyEvent),
    **{str(one.__struct_config__.tag): one for one in vars(vocabulary).values() if _is_event(one)},
}


def test_one_input(data: bytes) -> None:
    dialect = NAMES[data[0] % len(NAMES)] if data else "ga"
    engine = OpenAIRealtime(EngineSettings(dialect=dialect))
    engine.start()
    for given, message in messages(data[1:], KNOWN):
        judged(engine, given, message)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
