"""What the next session is told."""

from __future__ import annotations

from typing import Literal

from sipua.bridge.conversation.history import History
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.events import ToolCall, Transcript
from sipua.bridge.engine_api.settings import PastMessage, PastSpeech, PastToolCall


def history(items: int = 100, chars: int = 10_000, speech_s: float = 60) -> History:
    return History(
        DialoguePolicy(history_items=items, history_chars=chars, history_speech_s=speech_s)
    )


def said(item: str, role: Literal["user", "assistant"], text: str) -> Transcript:
    return Transcript(item, role, text, final=True)


def answer(past: History, item: str, text: str, audio_ms: float) -> None:
    past.audio(item, audio_ms)
    past.transcript(said(item, "assistant", text))
    past.audio_ended(item)


def test_M2_both_sides_in_their_order_though_the_callers_text_comes_late() -> None:
    past = history()
    answer(past, "a1", "Hello, how can I help?", 1500)
    past.caller_said("u1", b"\x11" * 8000)
    past.audio("a2", 100)
    past.transcript(said("u1", "user", "My order, please."))
    answer(past, "a2", "Which number?", 900)
    assert past.past() == [
        PastMessage("assistant", "Hello, how can I help?"),
        PastMessage("user", "My order, please."),
        PastMessage("assistant", "Which number?"),
    ]


def test_M2_without_a_transcript_the_sound() -> None:
    past = history()
    past.caller_said("u1", b"\x11" * 800)
    assert past.past() == [PastSpeech(b"\x11" * 800)]


def test_pieces_of_a_transcript_do_until_the_whole_is_there() -> None:
    past = history()
    past.audio("a1", 500)
    for piece in ("Your ", "order"):
        past.transcript(Transcript("a1", "assistant", piece, final=False))
    assert past.past() == [PastMessage("assistant", "Your order")]
    past.transcript(said("a1", "assistant", "Your order is here."))
    assert past.past() == [PastMessage("assistant", "Your order is here.")]


def test_M5_an_interrupted_sentence_is_told_as_far_as_it_was_heard() -> None:
    past = history()
    answer(past, "a1", "one two three four five six seven eight nine ten", 4800)
    past.truncated("a1", 2000)
    (told,) = past.past()
    assert told == PastMessage("assistant", "one two three four …")


def test_M5_a_sentence_of_which_nothing_was_heard_is_not_told() -> None:
    past = history()
    answer(past, "a1", "one two three", 1300)
    past.truncated("a1", 0)
    assert past.past() == []


def test_M5_heard_to_the_end_after_all() -> None:
    past = history()
    answer(past, "a1", "one two three", 1300)
    past.truncated("a1", 1300)
    assert past.past() == [PastMessage("assistant", "one two three")]


def test_M2_broken_off_by_a_lost_line_is_cut_by_the_rate_of_this_calls_speech() -> None:
    past = history()
    answer(past, "a0", "x" * 100, 2000)  # 50 characters a second
    past.audio("a1", 400)
    past.transcript(Transcript("a1", "assistant", "one two three four five six", final=False))
    past.broken_off()
    assert past.past()[-1] == PastMessage("assistant", "one two three four …")
    past.audio("a1", 4000)  # nothing more of it is heard


def test_M2_what_had_ended_is_not_cut_by_a_lost_line() -> None:
    past = history()
    answer(past, "a1", "All of it.", 700)
    past.broken_off()
    assert past.past() == [PastMessage("assistant", "All of it.")]


def test_M2_what_was_said_in_an_earlier_session_can_still_be_interrupted() -> None:
    past = history()
    answer(past, "item", "one two three four five six", 2700)
    past.next_session()
    answer(past, "other", "seven", 300)
    past.truncated("item", 1000)
    assert past.past() == [PastMessage("assistant", "one two …"), PastMessage("assistant", "seven")]


def test_M2_an_item_of_the_same_name_in_the_next_session_is_another_one() -> None:
    past = history()
    answer(past, "item", "one", 300)
    past.next_session()
    answer(past, "item", "two", 300)
    assert past.past() == [PastMessage("assistant", "one"), PastMessage("assistant", "two")]


def test_M2_a_tool_call_and_its_result_are_one_piece() -> None:
    past = history()
    past.tool_called(ToolCall("c1", "order", '{"n":1}', "r1"))
    assert past.past() == [PastToolCall("c1", "order", '{"n":1}', None)]
    assert past.running == {"c1"}
    past.tool_returned("c1", "sent")
    assert past.past() == [PastToolCall("c1", "order", '{"n":1}', "sent")]
    assert past.running == frozenset()
    assert past.output_of("c1") == "sent"
    assert past.output_of("c2") is None


def test_a_result_of_an_unknown_call_changes_nothing() -> None:
    past = history()
    past.tool_returned("c9", "sent")
    assert past.past() == []


def test_the_window_holds_the_newest_items() -> None:
    past = history(items=3)
    for number in range(10):
        answer(past, f"a{number}", f"sentence {number}", 500)
    assert past.past() == [PastMessage("assistant", f"sentence {number}") for number in (7, 8, 9)]
    assert past.trimmed == 7


def test_the_window_holds_so_many_characters_and_has_no_holes() -> None:
    past = history(chars=20)
    answer(past, "a1", "short", 500)
    answer(past, "a2", "x" * 18, 500)
    answer(past, "a3", "new", 500)
    assert past.past() == [PastMessage("assistant", "new")]
    answer(past, "a4", "newer", 500)
    assert past.past() == [PastMessage("assistant", "new"), PastMessage("assistant", "newer")]


def test_one_piece_longer_than_the_window_is_shortened() -> None:
    past = history(chars=10)
    answer(past, "a1", "x" * 50, 500)
    assert past.past() == [PastMessage("assistant", "x" * 10)]
    past.tool_called(ToolCall("c1", "n", "{}", "r"))
    past.tool_returned("c1", "y" * 50)
    past.tool_called(ToolCall("c2", "", "", "r"))
    assert past.past() == [
        PastToolCall("c1", "n", "{}", "y" * 7),
        PastToolCall("c2", "", "", None),
    ]


def test_pieces_of_a_transcript_that_never_ends_are_bounded() -> None:
    past = history(chars=100)
    for _ in range(1000):
        past.transcript(Transcript("a1", "assistant", "x" * 9, final=False))
    assert past.past() == [PastMessage("assistant", "x" * 99)]
    past.transcript(said("a1", "assistant", "The whole."))
    assert past.past() == [PastMessage("assistant", "The whole.")]


def test_a_tool_that_still_runs_stays_however_long_ago_it_was_called() -> None:
    past = history(items=2)
    past.tool_called(ToolCall("c1", "slow", "{}", "r"))
    for number in range(5):
        answer(past, f"a{number}", f"{number}", 500)
    newest = [PastMessage("assistant", "3"), PastMessage("assistant", "4")]
    assert past.past() == [PastToolCall("c1", "slow", "{}", None), *newest]
    past.tool_returned("c1", "at last")
    assert past.output_of("c1") == "at last"
    answer(past, "a5", "5", 500)
    assert past.past() == [PastMessage("assistant", "4"), PastMessage("assistant", "5")]


def test_tools_that_never_return_are_bounded() -> None:
    past = history(items=10)
    for number in range(100):
        past.tool_called(ToolCall(f"c{number}", "slow", "{}", "r"))
    assert len(past.past()) == 32
    assert len(past.running) == 32


def test_speech_is_bounded_the_oldest_goes() -> None:
    past = history(speech_s=2)
    for number in range(4):
        past.caller_said(f"u{number}", bytes([number]) * 8000)
    assert past.past() == [PastSpeech(bytes([2]) * 8000), PastSpeech(bytes([3]) * 8000)]
    past.caller_said("long", b"\x09" * 80_000)
    assert past.past() == [PastSpeech(b"\x09" * 16_000)]


def test_M3_the_revision_says_whether_a_session_that_waits_knows_all() -> None:
    past = history()
    seen = past.revision
    past.tool_called(ToolCall("c1", "slow", "{}", "r"))
    assert past.revision > seen
    seen = past.revision
    past.tool_returned("c1", "sent")  # told by its own message
    assert past.revision == seen
    past.audio("a1", 20)
    assert past.revision > seen
    seen = past.revision
    past.audio("a1", 20)
    assert past.revision == seen
    past.caller_said("u1", b"1")
    assert past.revision > seen


def test_what_was_injected_is_told_the_next_session_as_it_was() -> None:
    past = history()
    answer(past, "a1", "Hello?", 900)
    before = past.revision
    past.injected("system", "The order is late.")
    past.injected("user", "Where is it?")
    assert past.revision > before
    assert past.past() == [
        PastMessage("assistant", "Hello?"),
        PastMessage("system", "The order is late."),
        PastMessage("user", "Where is it?"),
    ]


def test_what_was_injected_is_bounded_as_all_else() -> None:
    past = history(items=3)
    for number in range(10):
        past.injected("system", str(number))
    assert past.past() == [PastMessage("system", str(number)) for number in (7, 8, 9)]
