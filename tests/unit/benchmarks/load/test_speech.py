"""Each frame that a caller sends is known again at the agent, whatever the engine's protocol."""

from __future__ import annotations

import zlib

import pytest

from sipua.bench.load import speech
from sipua.bench.replay.engine_types import ENGINE_TYPES
from sipua.bridge.agent.wire.audio_message import AudioMessage
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines import ENGINES, create
from sipua.bridge.uplink.encoder import encoder_for
from sipua.codecs.g711 import Law


@pytest.mark.parametrize("name", ENGINE_TYPES)
def test_a_frame_is_known_by_its_audio_alone(name: str) -> None:
    loop, kind = speech.loop(name), ENGINE_TYPES[name]
    assert len(loop.place_by_crc) == len(loop.frames), "no two are alike"
    settings = EngineSettings(url="ws://localhost", audio=ENGINES[name].audio)
    engine = create(name, settings).protocol
    encoder = encoder_for(engine.hears)
    places = []
    for place in (7, 8, 9, 8):  # in a stream that has begun elsewhere
        audio = encoder.finish(encoder.frame(Law.PCMU, loop.frames[place]))
        message = engine.append_audio(audio)
        if kind.append:
            assert kind.is_append(message)
        places.append(loop.place_by_crc.get(zlib.crc32(kind.payload(message))))
    assert places[1:3] == [8, 9], "the first one has another before it"


def test_binary_messages_are_audio_where_there_is_no_other_sign_of_it() -> None:
    kind = ENGINE_TYPES["asterisk_websocket"]
    audio = AudioMessage(b'\xff:"\x7f"')
    assert (kind.is_append(audio), kind.is_delta(audio), kind.payload(audio)) == (True, True, audio)
    assert not kind.is_append(b"MEDIA_XON")
    assert not kind.is_delta(b"MARK_MEDIA piece-1")
