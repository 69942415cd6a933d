"""The flows of the vendor's own client, one after the other, in one conversation with the agent."""

import base64
import json
from pathlib import Path

import numpy as np

from sipua.bridge.agent.server.server import AgentServer
from support.engine.agent_client import audio_of, one, only, types_of
from support.engine.scenarios import scenario, settings
from support.engine.sdk_client import Judged, calling
from support.media.audio import resample, silence, speech

RATE = 24_000
VOICE = resample(speech("short"), 8000, RATE)
TURN = np.concatenate((silence(300, RATE), VOICE, silence(700, RATE)))

SCENARIO = """
    [[steps]]
    on = "greeting"
    tone_ms = 600

    [[steps]]
    on = "speech"
    tone_ms = 200
    call = [
        { name = "get_weather", arguments = { city = "Berlin" } },
        { name = "get_time" },
    ]

    [[steps]]
    on = "tool_result"
    tone_ms = 8000

    [[steps]]
    on = "speak"
    tone_ms = 300
"""


def tool(name: str) -> dict[str, object]:
    return {
        "type": "function",
        "name": name,
        "description": "Says it.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }


async def configured(client: Judged) -> None:
    await client.connection.session.update(
        session={
            "type": "realtime",
            "instructions": "Be kind.",
            "tools": [tool("get_weather"), tool("get_time")],  # type: ignore[list-item]
            "tool_choice": "auto",
            "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}},
        }
    )
    updated = (await client.until("session.updated"))[-1]
    assert [tool["name"] for tool in updated["session"]["tools"]] == ["get_weather", "get_time"]


async def test_a_whole_conversation_of_the_official_client(tmp_path: Path) -> None:
    script = settings(scenario(tmp_path, SCENARIO), speed=4.0)
    async with AgentServer(script) as server, calling(server) as client:
        await configured(client)

        # a greeting, an audio turn, two calls at once
        await client.connection.response.create(response={"instructions": "Greet the caller."})
        assert len(audio_of(await client.until("response.done"))) == 600 * 48
        await client.say(TURN)
        events = await client.until("response.done", 10)
        assert "conversation.item.input_audio_transcription.completed" in types_of(events)
        assert len(audio_of(events)) == 200 * 48
        calls = only(events, "response.function_call_arguments.done")
        assert [json.loads(call["arguments"]) for call in calls] == [{"city": "Berlin"}, {}]

        # their results, and an answer to them, which is cancelled and truncated
        for call in calls:
            await client.connection.conversation.item.create(
                item={
                    "type": "function_call_output",
                    "call_id": call["call_id"],
                    "output": json.dumps({"tool": call["name"]}),
                }
            )
            await client.until("conversation.item.done")
        await client.connection.response.create()
        await client.until("response.output_audio.delta")
        await client.connection.response.cancel()
        ended = (await client.until("response.done"))[-1]["response"]
        assert ended["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert ended["usage"]["total_tokens"] > 0
        item_id = ended["output"][0]["id"]
        await client.connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=60
        )
        assert (await client.until("conversation.item.truncated"))[-1]["audio_end_ms"] == 60
        await client.connection.conversation.item.retrieve(item_id=item_id)
        item = (await client.until("conversation.item.retrieved"))[-1]["item"]
        assert len(base64.b64decode(item["content"][0]["audio"])) == 60 * 48


async def test_a_restored_conversation_of_the_official_client(tmp_path: Path) -> None:
    script = settings(scenario(tmp_path, SCENARIO))
    async with AgentServer(script) as server, calling(server) as client:
        await configured(client)
        create = client.connection.conversation.item.create
        spoken = base64.b64encode(VOICE.astype("<i2").tobytes()).decode()
        await create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "What is the weather?"}],
            }
        )
        await create(
            item={
                "type": "function_call",
                "call_id": "call_old",
                "name": "get_weather",
                "arguments": '{"city": "Berlin"}',
            }
        )
        await create(item={"type": "function_call_output", "call_id": "call_old", "output": "mild"})
        await create(
            item={
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Mild, and no rain."}],
            }
        )
        items = [await client.until("conversation.item.done") for _ in range(4)]
        assert [events[-1]["item"]["type"] for events in items] == [
            "message",
            "function_call",
            "function_call_output",
            "message",
        ]
        previous = [events[-1]["previous_item_id"] for events in items]
        assert previous == [None, *(events[-1]["item"]["id"] for events in items[:3])]

        # not greeted again, and what comes then is a conversation as any other
        await client.connection.response.create(response={"instructions": "Say: I am back."})
        assert len(audio_of(await client.until("response.done"))) == 300 * 48
        await create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_audio", "audio": spoken, "transcript": "Hello."}],
            }
        )
        await client.connection.response.create()
        events = await client.until("response.done")
        assert len(only(events, "response.function_call_arguments.done")) == 2
        assert one(events, "response.done")["response"]["status"] == "completed"


async def test_the_official_client_is_understood(tmp_path: Path) -> None:
    path = scenario(
        tmp_path,
        """
        words = ["yes", "no", "operator", "goodbye"]

        [[steps]]
        on = "speech"
        heard = "operator"
        call = [{ name = "get_time" }]
        times = 0
        """,
    )
    async with AgentServer(settings(path)) as server, calling(server) as client:
        await configured(client)
        for name, kind in (("goodbye", "message"), ("operator", "function_call")):
            word = resample(speech(name), 8000, RATE)
            await client.say(np.concatenate((silence(300, RATE), word, silence(700, RATE))))
            events = await client.until("response.done", 20)
            transcript = "conversation.item.input_audio_transcription.completed"
            assert one(events, transcript)["transcript"] == name
            assert [item["type"] for item in events[-1]["response"]["output"]] == [kind]
