"""What a record says of a call is what was on the wire: judged by the call's own capture and by
what the far side recorded.

The caller beeps three times: the first answer is a sentence, the second one follows a tool and is
interrupted by the third beep, which is given back.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.rtp.pcap.writer import Datagram, read
from support.calls.edge import Edge, Event
from support.engine.scenarios import scenario
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Entry = dict[str, Any]
FarEnds = Callable[..., RtpFarEnd]

SENTENCE = audio.DATA / "speech-short.wav"
LONG = audio.DATA / "speech-pbx.wav"
SHORT_MS = len(audio.speech("short")) / 8
GREETING_MS = len(audio.read_wav(audio.GREETING, rate_hz=8000)) / 8
SILENCE_MS = 300
BEEP_MS = 800
FRAME_MS = 20
BEEP = audio.tone(440, BEEP_MS)
CALLER = np.concatenate(
    [
        *(audio.silence(GREETING_MS + 700), BEEP),
        *(audio.silence(SILENCE_MS + SHORT_MS + 1200), BEEP),
        *(audio.silence(SILENCE_MS + 1200), BEEP),
    ]
)
CALL_MS = round(len(CALLER) / 8) + 2500


def entries(path: Path) -> list[Entry]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def the_record(directory: Path) -> Path:
    (path,) = directory.glob("*/*.jsonl")
    return path


@dataclass(frozen=True, slots=True)
class Wire:
    """RTP of one direction as the edge's own socket saw it, on the call's clock."""

    at_ms: list[float]
    sound: list[audio.Pcm]

    def first_ms(self, begin_ms: float, *, loud: bool = True) -> float:
        """Of the packets from then on, when the first one with sound (or without) was there."""
        return next(
            at
            for at, pcm in zip(self.at_ms, self.sound, strict=True)
            if at >= begin_ms and (audio.level_dbfs(pcm) > audio.SILENCE_DBFS) is loud
        )


def wire(datagrams: list[Datagram], *, zero_s: float) -> Wire:
    payloads = [datagram.payload for datagram in datagrams]
    return Wire(
        [(datagram.at_s - zero_s) * 1000 for datagram in datagrams],
        [g711.decode(g711.PCMU, payload[12:]) for payload in payloads],
    )


@dataclass(frozen=True, slots=True)
class Story:
    entries: list[Entry]
    ended: Event
    log: list[Event]
    heard: RtpStream
    up: Wire
    down: Wire

    def all(self, kind: str, **fields: object) -> list[Entry]:
        return [
            entry
            for entry in self.entries
            if entry["kind"] == kind and fields.items() <= entry.items()
        ]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = tmp_path_factory.mktemp("record")
    plan = scenario(
        home,
        f"""
        [[steps]]
        on = "speech"
        say_file = "{SENTENCE}"
        say = "Words of the sentence"

        [[steps]]
        on = "speech"
        call = [{{ name = "get_call_info", arguments = {{ why = "card 4111 1111" }} }}]

        [[steps]]
        on = "tool_result"
        say_file = "{LONG}"
        say = "one and two and three and four and five and six and seven and eight"
        stall_ms = 200
        """,
    )
    config = {
        "engine": {"turn_detection": {"silence_duration_ms": SILENCE_MS}},
        "agent": {"scenario": plan},
        "tools": {"builtin": ["get_call_info"]},
        "record": {"enabled": True, "directory": home / "records"},
        "capture": {"enabled": True, "directory": home / "captures"},
    }
    edge = Edge(home / "edge", config)
    sipp = Sipp(home / "sipp")
    caller = RtpFarEnd(home, 1, CALLER)
    try:
        sipp.run("uac_call", edge.address, media=caller, pause_ms=CALL_MS, timeout_s=60)
        (heard,) = caller.finish()
        ended = edge.wait_event("call.ended")
    finally:
        caller.close()
        sipp.close()
        edge.close()
    datagrams = [
        datagram
        for datagram in read(ended["capture"]["file"])
        if datagram.payload[:1] == b"\x80" and datagram.payload[1] & 0x7F == g711.PCMU
    ]
    from_us = [d for d in datagrams if d.target[1] == caller.port]
    to_us = [d for d in datagrams if d.source[1] == caller.port]
    written = entries(the_record(home / "records"))
    greeting = next(entry for entry in written if entry["kind"] == "agent")
    zero_s = from_us[0].at_s - greeting["start_ms"] / 1000
    return Story(
        written,
        ended,
        edge.events(),
        heard,
        wire(to_us, zero_s=zero_s),
        wire(from_us, zero_s=zero_s),
    )


def test_the_caller_spoke_when_the_sound_came(story: Story) -> None:
    spoke = story.all("caller")
    assert len(spoke) == 3
    at_ms = 0.0
    for entry in spoke:
        begin_ms = story.up.first_ms(at_ms)
        at_ms = story.up.first_ms(begin_ms, loud=False)
        # A packet is there when its 20 ms are over.
        assert abs(entry["start_ms"] - (begin_ms - FRAME_MS)) <= 2 * FRAME_MS
        assert abs(entry["end_ms"] - (at_ms - FRAME_MS)) <= 2 * FRAME_MS


def test_the_answers_lie_where_the_far_side_recorded_them(story: Story) -> None:
    """By correlation, on the recording's own timeline; its zero is the greeting's first packet."""
    greeting, sentence, long, _ = story.all("agent")
    recording = story.heard.pcm()
    for entry, name in ((sentence, "short"), (long, "pbx")):
        heard = audio.find_pieces(audio.speech(name), recording, piece_ms=200)
        match = max(heard, key=lambda piece: piece.score)
        assert match.score > 0.9
        told_ms = entry["start_ms"] - greeting["start_ms"]
        assert abs(match.offset_ms - told_ms) <= 2 * FRAME_MS


def test_the_stages_are_the_whole_time_on_the_wire(story: Story) -> None:
    latencies = story.all("latency", of="caller")
    assert len(latencies) == 3
    at_ms = 0.0
    for latency in latencies[:2]:  # what is given back begins with the silence before the beep
        stages = ("endpointing_ms", "model_ms", "tools_ms", "outage_ms", "playout_ms")
        assert latency["total_ms"] == sum(latency[stage] for stage in stages)
        assert abs(latency["endpointing_ms"] - SILENCE_MS) <= 3 * FRAME_MS
        spoke_ms = story.up.first_ms(at_ms)
        quiet_ms = at_ms = story.up.first_ms(spoke_ms, loud=False)
        answer_ms = story.down.first_ms(quiet_ms)
        assert abs(latency["total_ms"] - (answer_ms - (quiet_ms - FRAME_MS))) <= 2 * FRAME_MS
        at_ms = quiet_ms
    assert latencies[1]["model_ms"] >= 200, "it was told to stall"


def test_the_interruption_is_where_the_sound_ended(story: Story) -> None:
    _, _, long, _ = story.all("agent")
    assert long["cut"] == "caller"
    assert long["played_ms"] < long["of_ms"]
    third = story.all("caller")[2]
    assert abs(long["end_ms"] - third["start_ms"]) < 500
    last_ms = max(
        at
        for at, pcm in zip(story.down.at_ms, story.down.sound, strict=True)
        if at <= long["end_ms"] + 200 and np.any(np.abs(pcm) > 8)
    )
    assert abs(last_ms + FRAME_MS - long["end_ms"]) <= 3 * FRAME_MS
    whole = "one and two and three and four and five and six and seven and eight"
    assert whole.startswith(long["text"])
    assert len(long["text"]) < len(whole)


def test_the_tool_is_in_it_without_its_numbers(story: Story) -> None:
    (tool,) = story.all("tool")
    assert (tool["name"], tool["outcome"], tool["by"]) == ("get_call_info", "ok", "us")
    assert tool["arguments"] == {"why": "card [number]"}


def test_the_first_word(story: Story) -> None:
    (word,) = story.all("latency", of="greeting")
    assert word["total_ms"] == story.ended["conversation"]["first_word_ms"]
    assert 0 <= word["total_ms"] < 1000


def test_the_file_is_complete_after_the_bye(story: Story) -> None:
    end = story.entries[-1]
    assert (story.entries[0]["kind"], end["kind"]) == ("call", "end")
    summary = story.ended["conversation"]
    assert {name: end[name] for name in summary} == summary
    assert story.ended["record"]["lines"] == len(story.entries)
    assert story.ended["record"]["dropped"] == 0
    assert (summary["turns"], summary["engine_sessions"], summary["tools"]) == (3, 1, 1)
    assert summary["interruptions"] == 1
    outcomes = [entry["outcome"] for entry in story.all("turn")]
    assert outcomes == ["answered", "answered", "interrupted", "answered"]


def test_usage_adds_up(story: Story) -> None:
    lines = [line for line in story.log if line["event"] == "engine.usage"]
    assert len(lines) == len(story.all("usage")) >= 4
    for name, whole in story.ended["conversation"]["usage"].items():
        assert whole == sum(line.get(name, 0) for line in lines) > 0
    assert story.ended["conversation"]["cost"] == 0


def test_nobodys_words_are_in_the_log_at_info(story: Story) -> None:
    told = json.dumps([line for line in story.log if line["level"] != "debug"])
    assert "Words of the sentence" not in told
    assert "Words of the sentence" in json.dumps(story.entries)


def test_H2_after_kill_9_the_file_has_all_but_the_last_second(
    edge_factory: Callable[..., Edge], sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    config = {
        "engine": {"turn_detection": {"silence_duration_ms": SILENCE_MS}},
        "record": {"enabled": True, "directory": tmp_path / "records"},
    }
    edge = edge_factory(config)
    said = np.concatenate([audio.silence(GREETING_MS + 500), BEEP])
    caller = far_end(1, said)
    call = sipp.start("uac_call", edge.address, media=caller, pause_ms=20_000)
    edge.wait_event("turn.latency", count=2, timeout_s=20)
    path = the_record(tmp_path / "records")
    wait_until(
        lambda: [entry for entry in entries(path) if entry["kind"] == "latency"][1:],
        1.0,
        "the answer in the file within a second",
    )
    edge.kill()
    call.stop()
    kinds = [entry["kind"] for entry in entries(path)]
    assert kinds[0] == "call"
    assert kinds.count("latency") == 2
    assert {"answered", "agent", "caller", "usage"} <= set(kinds)
    assert "end" not in kinds
