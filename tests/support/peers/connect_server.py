"""A server of Twilio Agent Connect as its user runs it: web app, signatures, TwiML, and the bridge
between a stream and OpenAI Realtime are the package's. Only two hosts are others: the model's, and
that of Twilio's REST.

    PYTHON connect_server.py PORT TOKEN MODEL_URL API_URL API_TOKEN TARGET

It runs in the environment of scripts/peers/agents.sh, and imports nothing of ours. Its agent has
two tools: `hang_up`, and `transfer`, which has the caller talk to TARGET.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import websockets
from tac import TAC, TACConfig
from tac.channels.voice import VoiceChannel
from tac.channels.voice.media_streams.openai_realtime import OpenAIRealtimeProviderConfig
from tac.models.voice import VoiceTwiMLOptionsMediaStreams
from tac.server import TACFastAPIServer, TACServerConfig
from tac.tools.base import TACTool
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

PORT, TOKEN, MODEL, API, API_TOKEN, TARGET = sys.argv[1:]
ACCOUNT = "AC0123456789abcdef0123456789abcdef"
PCMU = {"format": {"type": "audio/pcmu"}}

to_openai = websockets.connect


def to_the_model(url: str, **more: Any) -> Any:
    return to_openai(url.replace("wss://api.openai.com/v1/realtime", MODEL), **more)


websockets.connect = to_the_model  # type: ignore[assignment]


class ToTheEdge(TwilioHttpClient):
    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        return super().request(method, API + urlsplit(url).path, *args, **more)


def current_call() -> str:
    return next(iter(channel._conversations.values())).call_sid


async def hang_up() -> str:
    await channel.end_call(current_call())
    return "done"


async def transfer() -> str:
    twiml = f"<Response><Dial><Sip>{TARGET}</Sip></Dial></Response>"
    call = channel._get_twilio_client().calls(current_call())
    await asyncio.to_thread(call.update, twiml=twiml)
    return "done"


def tool(work: Any) -> TACTool:
    schema: dict[str, object] = {"type": "object", "properties": {}}
    return TACTool(work.__name__, work.__name__, schema, work)


tools = [tool(hang_up), tool(transfer)]
tac = TAC(
    TACConfig(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        api_key="SK" + "1" * 32,
        api_secret=API_TOKEN,
        phone_number="+4930100",
        voice_public_domain=f"127.0.0.1:{PORT}",
    )
)
config = OpenAIRealtimeProviderConfig(
    openai_api_key="only-for-tests",
    tools=tools,
    welcome_greeting_response={"instructions": "Greet the caller."},
    default_twiml_options=VoiceTwiMLOptionsMediaStreams(
        websocket_url=f"ws://127.0.0.1:{PORT}/ws", custom_parameters={"tenant": "bicycles"}
    ),
    default_session_config={
        "type": "realtime",
        "model": "gpt-realtime",
        "audio": {"input": PCMU, "output": PCMU},
        "tools": [
            {
                "type": "function",
                "name": one.name,
                "description": one.description,
                "parameters": one.params_json_schema,
            }
            for one in tools
        ],
    },
)
channel = VoiceChannel(tac, config=config)
channel._twilio_client = Client(
    "SK" + "1" * 32, API_TOKEN, ACCOUNT, http_client=ToTheEdge(timeout=10)
)
server = TACFastAPIServer(
    tac, voice_channel=channel, config=TACServerConfig(host="127.0.0.1", port=int(PORT))
)
print(json.dumps({"listens": PORT}), flush=True)
server.start()
