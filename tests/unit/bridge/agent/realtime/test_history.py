import pytest

from sipua.bridge.agent.realtime.history import MAX_ITEMS, History, Item
from sipua.bridge.agent.wire.errors import ClientError


def item(name: str, audio: bytes = b"", text_chars: int = 0) -> Item:
    content = [{"type": "input_audio", "transcript": None}]
    return Item(name, "message", role="user", content=content, audio=audio, text_chars=text_chars)


def test_items_are_inserted_where_they_were_asked_for() -> None:
    history = History(1000)
    assert history.insert(item("a")) is None
    assert history.insert(item("b")) == "a"
    assert history.insert(item("c"), "a") == "a"
    assert history.insert(item("d"), "root") is None
    assert history.ids == ["d", "a", "c", "b"]
    assert history.last_id == "b"


def test_what_cannot_be_done_is_the_client_s_error() -> None:
    history = History(1000)
    history.insert(item("a"))
    with pytest.raises(ClientError, match="already exists"):
        history.insert(item("a"))
    with pytest.raises(ClientError, match="previous item"):
        history.insert(item("b"), "x")
    with pytest.raises(ClientError, match="Error deleting item: the item with id 'x'"):
        history.get("x", "delete")
    assert history.ids == ["a"]


def test_old_audio_goes_first_then_old_items() -> None:
    history = History(1000)
    first, second = item("a", b"x" * 600), item("b", b"x" * 600)
    history.insert(first)
    history.insert(second)
    assert (first.audio, len(second.audio)) == (b"", 600)
    history.insert(item("c", text_chars=2000))
    assert history.ids == ["c"]
    assert history.forgotten == 2


def test_the_number_of_items_is_bounded() -> None:
    history = History(1000)
    for number in range(MAX_ITEMS + 5):
        history.insert(item(str(number)))
    assert len(history.ids) == MAX_ITEMS
    assert history.ids[0] == "5"


def test_only_retrieved_items_show_their_audio() -> None:
    spoken = item("a", b"\x01\x02\x03")
    assert "audio" not in spoken.view()["content"][0]
    assert spoken.view(with_audio=True)["content"][0]["audio"] == "AQID"


def test_removed_items_make_room() -> None:
    history = History(1000)
    history.insert(item("a", b"x" * 900))
    history.remove("a")
    kept = item("b", b"x" * 900)
    history.insert(kept)
    history.insert(item("c", b"x" * 100))
    assert len(kept.audio) == 900
