"""Any messages of a server of ElevenLabs are typed events or told as unreadable, and all that is
sent in return is JSON."""

import sys

import atheris
from engine_events import judged, messages, names

with atheris.instrument_imports():
    from sipua.bridge.engine_api.settings import EngineSettings
    from sipua.bridge.engines.elevenlabs_agent.events import ServerMessage
    from sipua.bridge.engines.elevenlabs_agent.protocol import ElevenLabsAgent

KNOWN = names(ServerMessage)
READY = (
    b'{"type":"conversation_initiation_metadata","conversation_initiation_metadata_event":'
    b'{"agent_output_audio_format":"pcm_16000","user_input_audio_format":"ulaw_8000"}}'
)


def test_one_input(data: bytes) -> None:
    engine = ElevenLabsAgent(EngineSettings())
    engine.start()
    engine.receive(READY)
    for given, message in messages(data, KNOWN):
        judged(engine, given, message)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
