from pathlib import Path

from support.calls.event_log import EventLog


def test_what_is_appended_is_found_by_name_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = EventLog(path)
    assert log.events("a") == [], "there is no file yet"
    with path.open("a") as file:
        file.write('{"event": "a", "n": 1}\nTraceback: "a"\n{"event": "b", "of": "a"}\n{"event": ')
        file.flush()
        assert log.events("a") == [{"event": "a", "n": 1}]
        assert log.events("b") == [{"event": "b", "of": "a"}]
        file.write('"a", "n": 2}\n')
        file.flush()
        assert [event["n"] for event in log.events("a")] == [1, 2]
    assert [event["event"] for event in log.events()] == ["a", "b", "a"]
    assert EventLog(path).events("a") == log.events("a")
