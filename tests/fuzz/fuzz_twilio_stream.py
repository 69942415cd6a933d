"""Any messages of an agent behind Twilio's Media Streams are typed events or told as unreadable,
and all that is sent in return is JSON."""

import json
import sys

import atheris
from engine_events import TYPED, value

with atheris.instrument_imports():
    from sipua.bridge.engine_api.settings import EngineSettings
    from sipua.bridge.engines.twilio_stream.messages import AgentMessage
    from sipua.bridge.engines.twilio_stream.protocol import TwilioStream


def test_one_input(data: bytes) -> None:
    stream = TwilioStream(EngineSettings())
    stream.start()
    given = atheris.FuzzedDataProvider(data)
    for _ in range(40):
        if not given.remaining_bytes():
            return
        if given.ConsumeIntInRange(0, 7) == 0:
            message = given.ConsumeBytes(given.ConsumeIntInRange(0, 200))
        else:
            said = value(given, AgentMessage)
            if isinstance(said, dict) and given.ConsumeBool():
                said["event"] = given.PickValueInList(["media", "mark", "clear"])
            message = json.dumps(said).encode()
        for event in stream.receive(message):
            assert isinstance(event, TYPED), event
            repr(event)
        sent = [stream.append_audio(bytes(160)), *stream.marked("x", played=True)]
        for one in sent:
            json.loads(one)
        stream.take_events()
        assert all(count >= 0 for count in stream.counters().values())


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
