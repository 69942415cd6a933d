"""What was said on the agent's websockets, to be read again."""

from pathlib import Path

import pytest

from sipua.bridge.agent.server.journal import Journal, SessionJournal
from sipua.bridge.agent.wire.audio_message import AudioMessage
from support.engine.journal import events, judge_client, lines

APPEND = b'{"type":"input_audio_buffer.append","audio":"AAAA"}'


def test_both_sides_in_order_with_the_session_and_its_time(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    journal = Journal(path)
    session = SessionJournal(journal, "sess_1", 100.0)
    session.note("server", b'{"type":"session.created"}', 100.0)
    session.note("client", b'{"type":"response.create","event_id":"a"}', 101.5)
    journal.close()
    assert [(line["at_s"], line["session_id"], line["from"]) for line in lines(path)] == [
        (0.0, "sess_1", "server"),
        (1.5, "sess_1", "client"),
    ]
    assert events(path, "client") == [{"type": "response.create", "event_id": "a"}]


def test_of_the_audio_the_first_message_is_written_and_the_rest_counted(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    journal = Journal(path)
    session = SessionJournal(journal, "sess_1", 0.0)
    for at in range(100):
        session.note("client", APPEND, at * 0.02)
    session.end()
    journal.close()
    first, last = lines(path)
    assert first["event"]["type"] == "input_audio_buffer.append"
    assert last == {"session_id": "sess_1", "audio_messages": 100}


def test_so_is_the_audio_of_a_stream_though_each_message_has_another_number(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    journal = Journal(path)
    session = SessionJournal(journal, "stream_1", 0.0)
    for number in range(100):
        told = b'{"event":"media","sequenceNumber":"%d","media":{"payload":"//8="}}' % number
        session.note("client", told, 0.0)
        session.note("server", b'{"event":"media","streamSid":"MZ","media":{}}', 0.0)
    session.end()
    journal.close()
    assert [line.get("from") for line in lines(path)] == ["client", "server", None]
    assert lines(path)[-1]["audio_messages"] == 200


def test_plain_text_is_written_as_such_and_binary_audio_by_its_length(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    journal = Journal(path)
    session = SessionJournal(journal, "channel_1", 0.0, plain_text=True)
    session.note("client", b"MEDIA_START format:ulaw", 0.0)
    session.note("client", b'{"event":"MEDIA_XON"}', 0.0)
    for _ in range(3):
        session.note("client", AudioMessage(bytes(160)), 0.0)
        session.note("server", AudioMessage(bytes(1200)), 0.0)
    session.end()
    journal.close()
    told = ["MEDIA_START format:ulaw", {"event": "MEDIA_XON"}, {"audio_bytes": 160}]
    assert events(path, "client") == told
    assert events(path, "server") == [{"audio_bytes": 1200}]
    assert lines(path)[-1]["audio_messages"] == 6


def test_nonsense_is_shown_as_such(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    journal = Journal(path)
    session = SessionJournal(journal, "sess_1", 0.0)
    session.note("client", b"\xff{", 0.0)
    session.note("client", b'"' + b"x" * 100_000 + b'"', 0.0)
    journal.close()
    assert events(path, "client") == [{"not_json": repr(b"\xff{")}, {"bytes": 100_002}]


def test_the_judge_refuses_what_the_vendor_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    journal = Journal(path)
    session = SessionJournal(journal, "sess_1", 0.0)
    session.note("client", b'{"type":"response.create"}', 0.0)
    assert judge_client(path) == 1
    session.note("client", b'{"type":"response.create","surprise":1}', 0.0)
    journal.close()
    with pytest.raises(AssertionError):
        judge_client(path)


def test_a_full_disk_ends_the_journal_and_nothing_else() -> None:
    journal = Journal(Path("/dev/full"))
    session = SessionJournal(journal, "sess_1", 0.0)
    session.note("client", APPEND, 0.0)
    session.note("client", b"{}", 0.0)
    journal.close()


def test_without_a_journal_nothing_is_noted() -> None:
    session = SessionJournal(None, "sess_1", 0.0)
    session.note("client", APPEND, 0.0)
    session.end()
    assert session.audio_messages == 0
