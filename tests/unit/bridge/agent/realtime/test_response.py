import pytest

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.prompts import prompt
from support.engine.agent_client import AgentClient, audio_of, one, only, types_of

GREETING = prompt("greeting")
OPENING = [
    "response.created",
    "rate_limits.updated",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
]
CLOSING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]


def test_the_events_come_in_the_vendor_s_order_and_hold_the_whole_clip() -> None:
    client = AgentClient()
    events = client.send("response.create")
    assert types_of(events) == OPENING
    events += client.wait(5000)
    types = types_of(events)
    assert types[-len(CLOSING) :] == CLOSING
    deltas = {"response.output_audio.delta", "response.output_audio_transcript.delta"}
    assert set(types[len(OPENING) : -len(CLOSING)]) == deltas
    assert audio_of(events) == GREETING.data
    words = only(events, "response.output_audio_transcript.delta")
    assert "".join(event["delta"] for event in words) == GREETING.transcript
    done = one(events, "response.done")["response"]
    assert done["status"] == "completed"
    assert done["output"][0]["content"][0]["transcript"] == GREETING.transcript
    assert len({event["event_id"] for event in client.log}) == len(client.log)


def test_audio_leaves_faster_than_it_plays_and_the_first_delta_is_small() -> None:
    client = AgentClient(AgentSettings(first_delta_ms=60, delta_ms=300, speed=4.0))
    start = client.now
    sizes, times = [], []
    events = client.send("response.create")
    while not only(events, "response.done"):
        for event in only(events, "response.output_audio.delta"):
            sizes.append(len(event["delta"]) * 3 // 4 // 48)
            times.append(round((client.now - start) * 1000))
        client.now = client.conversation.next_deadline()
        events = client._take(client.conversation.handle_timer(client.now))
    assert sizes[:3] == [60, 300, 300]
    assert times[:4] == [0, 15, 90, 165]


def test_a_late_timer_catches_up_at_once() -> None:
    client = AgentClient()
    client.send("response.create")
    client.now += 60
    events = client._take(client.conversation.handle_timer(client.now))
    assert types_of(events)[-1] == "response.done"


def test_thinking_takes_its_time() -> None:
    client = AgentClient(AgentSettings(latency_ms=400))
    assert types_of(client.send("response.create")) == OPENING[:2]
    assert client.wait(399) == []
    assert types_of(client.wait(1)) == OPENING[2:]


def test_cancelled_before_its_first_word() -> None:
    client = AgentClient(AgentSettings(latency_ms=400))
    client.send("response.create")
    events = client.send("response.cancel")
    assert types_of(events) == ["response.done"]
    done = events[0]["response"]
    assert (done["status"], done["output"]) == ("cancelled", [])
    assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


def test_cancelled_in_the_middle() -> None:
    client = AgentClient()
    events = client.send("response.create") + client.wait(100)
    ending = client.send("response.cancel")
    assert types_of(ending) == CLOSING
    item = ending[-1]["response"]["output"][0]
    assert item["status"] == "incomplete"
    said = item["content"][0]["transcript"]
    assert said
    assert GREETING.transcript.startswith(said)
    assert said != GREETING.transcript
    retrieved = one(
        client.send("conversation.item.retrieve", item_id=item["id"]),
        "conversation.item.retrieved",
    )
    sent = audio_of(events)
    assert len(retrieved["item"]["content"][0]["audio"]) == len(sent) // 3 * 4
    assert client.wait(5000) == []


def test_text_only() -> None:
    client = AgentClient()
    client.update(output_modalities=["text"])
    events = client.send("response.create") + client.wait(5000)
    assert not audio_of(events)
    assert one(events, "response.output_text.done")["text"] == GREETING.transcript
    assert one(events, "response.content_part.done")["part"]["type"] == "text"
    done = one(events, "response.done")["response"]
    assert done["output"][0]["content"] == [{"type": "output_text", "text": GREETING.transcript}]


def test_max_output_tokens_cut_it() -> None:
    client = AgentClient()
    events = client.send("response.create", response={"max_output_tokens": 20})
    events += client.wait(5000)
    assert len(audio_of(events)) == 1000 * 48
    done = one(events, "response.done")["response"]
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}


def test_usage_is_counted_as_the_vendor_does() -> None:
    client = AgentClient()
    client.update(instructions="x" * 40)
    done = one(client.send("response.create") + client.wait(5000), "response.done")
    usage = done["response"]["usage"]
    assert usage["output_token_details"]["audio_tokens"] == GREETING.duration_ms // 50
    assert usage["input_token_details"]["text_tokens"] == 10
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_out_of_band_responses_join_no_conversation() -> None:
    client = AgentClient()
    parameters = {"conversation": "none", "metadata": {"purpose": "test"}}
    events = client.send("response.create", response=parameters) + client.wait(5000)
    assert "conversation.item.added" not in types_of(events)
    done = one(events, "response.done")["response"]
    assert (done["conversation_id"], done["metadata"]) == (None, {"purpose": "test"})


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_the_response_s_own_format(kind: str) -> None:
    client = AgentClient()
    own = {"audio": {"output": {"format": {"type": kind}, "voice": "cedar"}}}
    events = client.send("response.create", response=own) + client.wait(5000)
    assert abs(len(audio_of(events)) / 8 - GREETING.duration_ms) <= 2
    created = one(events, "response.created")["response"]["audio"]["output"]
    assert created == {"format": {"type": kind}, "voice": "cedar"}
