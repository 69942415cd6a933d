"""An agent of other people's parts: Twilio's own check of the upgrade, pipecat's reader of the call
and its serializer. It echoes what it hears; `*` has it drop what is queued, `0` hangs up.

    PYTHON judged_agent.py PORT TOKEN      prints a line of JSON for each thing that it learns

It runs in the environment of scripts/peers/agents.sh, and imports nothing of ours.
"""

import json
import sys

import uvicorn
from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
)
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from tac.server.signature_validation import build_websocket_signature_dependency

RATE_HZ = 16_000
app = FastAPI()


class Setup:
    audio_in_sample_rate = RATE_HZ


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


@app.websocket("/stream")
async def stream(
    websocket: WebSocket,
    _: None = Depends(build_websocket_signature_dependency(sys.argv[2])),
) -> None:
    await websocket.accept()
    kind, call = await parse_telephony_websocket(websocket)
    tell(kind=kind, stream_id=call["stream_id"], call_id=call["call_id"], body=call["body"])
    serializer = TwilioFrameSerializer(
        call["stream_id"], params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
    )
    await serializer.setup(Setup())
    heard = 0
    try:
        async for message in websocket.iter_text():
            frame = await serializer.deserialize(message)
            if isinstance(frame, InputAudioRawFrame):
                heard += len(frame.audio) // 2 * 1000 // RATE_HZ
                back = OutputAudioRawFrame(frame.audio, RATE_HZ, 1)
                if (said := await serializer.serialize(back)) is not None:
                    await websocket.send_text(said)
            elif isinstance(frame, InputDTMFFrame):
                tell(digit=frame.button.value)
                if frame.button.value == "*":
                    await websocket.send_text(await serializer.serialize(InterruptionFrame()))
                elif frame.button.value == "0":
                    await websocket.close()
                    break
            elif json.loads(message)["event"] == "stop":
                tell(stopped=True)
    except WebSocketDisconnect:
        pass
    tell(heard_ms=heard)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
