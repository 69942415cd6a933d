"""A bot of pipecat's as its users write it: web app, TwiML, the pipeline of its Twilio examples
with a realtime model, two functions. The package is as it is; only two hosts are others: the
model's, and that of Twilio's REST.

    PYTHON pipecat_bot.py PORT ACCOUNT TOKEN MODEL_URL API_URL TARGET

It runs in the environment of scripts/peers/agents.sh, imports nothing of ours, and prints a line of
JSON for each thing that it learns. `hang_up` ends the pipeline, and so the call (`auto_hang_up`);
`transfer` has the caller talk to TARGET.
"""

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    InputDTMFFrame,
    InterruptionFrame,
    LLMRunFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SemanticTurnDetection,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.workers.runner import WorkerRunner
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from twilio.twiml.voice_response import Connect, VoiceResponse

PORT, ACCOUNT, TOKEN, MODEL, API, TARGET = sys.argv[1:]
RATE_HZ = 8000
app = FastAPI()


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


class ToTheEdge(TwilioHttpClient):
    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        return super().request(method, API + urlsplit(url).path, *args, **more)


rest = Client(ACCOUNT, TOKEN, http_client=ToTheEdge(timeout=10))


class Learns(FrameProcessor):
    """Passes everything on, and tells of keys and interruptions, before the `clear` is sent."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputDTMFFrame):
            tell(digit=frame.button.value)
        elif isinstance(frame, InterruptionFrame) and direction is FrameDirection.DOWNSTREAM:
            tell(interrupted_at=time.time())
        await self.push_frame(frame, direction)


@app.post("/voice")
async def voice(request: Request) -> Response:
    asked = await request.form()
    tell(asked_for=asked["CallSid"])
    page, connect = VoiceResponse(), Connect()
    stream = connect.stream(url=f"ws://127.0.0.1:{PORT}/ws")
    stream.parameter(name="from_number", value=asked["From"])
    page.append(connect)
    page.pause(length=40)
    return Response(str(page), media_type="application/xml")


async def hang_up(params: FunctionCallParams) -> None:
    await params.result_callback({"status": "done"})
    await params.llm.push_frame(EndWorkerFrame())


def functions(call_sid: str) -> list[FunctionSchema]:
    async def transfer(params: FunctionCallParams) -> None:
        twiml = f"<Response><Dial><Sip>{TARGET}</Sip></Dial></Response>"
        await asyncio.to_thread(rest.calls(call_sid).update, twiml=twiml)
        await params.result_callback({"status": "done"})

    return [
        FunctionSchema("hang_up", "Ends the call.", {}, [], handler=hang_up),
        FunctionSchema("transfer", "Gives the call to a person.", {}, [], handler=transfer),
    ]


@app.websocket("/ws")
async def stream(websocket: WebSocket) -> None:
    await websocket.accept()
    kind, call = await parse_telephony_websocket(websocket)
    tell(kind=kind, stream_id=call.stream_id, call_id=call.call_id, body=call.body)
    serializer = TwilioFrameSerializer(
        stream_sid=call.stream_id,
        call_sid=call.call_id,
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        base_url=API,
    )
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True, audio_out_enabled=True, serializer=serializer
        ),
    )
    llm = OpenAIRealtimeLLMService(
        api_key="only-for-tests",
        base_url=MODEL,
        settings=OpenAIRealtimeLLMService.Settings(
            system_instruction="You answer the telephone of a bicycle shop.",
            session_properties=SessionProperties(
                audio=AudioConfiguration(
                    input=AudioInput(
                        transcription=InputAudioTranscription(),
                        turn_detection=SemanticTurnDetection(),
                    )
                )
            ),
        ),
    )
    context = LLMContext(
        [{"role": "developer", "content": "Greet the caller."}],
        ToolsSchema(standard_tools=functions(call.call_id)),
    )
    # What the pair takes over from such a model anyway. Without it, it first loads the detector of
    # pipelines that have none: onnxruntime and a model, which are not in this environment.
    user, assistant = LLMContextAggregatorPair(
        context,
        user_params=LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies()),
    )
    steps = [transport.input(), user, llm, Learns(), transport.output(), assistant]
    worker = PipelineWorker(
        Pipeline(steps),
        params=PipelineParams(
            audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ, enable_metrics=True
        ),
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_: Any, __: Any) -> None:
        await worker.queue_frames([LLMRunFrame()])

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_: Any, __: Any) -> None:
        tell(disconnected=True)
        await worker.cancel()

    @worker.event_handler("on_pipeline_finished")
    async def on_pipeline_finished(_: Any, frame: Frame) -> None:
        tell(finished=type(frame).__name__)

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


uvicorn.run(app, host="127.0.0.1", port=int(PORT), log_level="warning")
