import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.record.transcript_redaction import Redactor, number


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("My card is 4111 1111 1111 1111, thanks", "My card is [number], thanks"),
        ("My card is 4111-1111.1111/1111.", "My card is [number]."),
        ("call +44 20 7946 0018", "call [number]"),
        ("the PIN is 1 2 3 4.", "the PIN is [number]."),
        ("the PIN is one, two, three, four.", "the PIN is [number]."),
        ("four one double one it is", "[number] it is"),
        ("forty-one eleven, fifty", "[number]"),
        ("vier Eins ZWO fünf, bitte", "[number], bitte"),
        ("zéro six un deux", "[number]"),
        ("number a1234b", "number a[number]b"),
        ("write to john.doe@example.com now", "write to [email] now"),
        ("john dot doe at example dot com", "john dot [email]"),
        ("extension 100, or one two three", "extension 100, or one two three"),
        ("someone often has two or three of them", "someone often has two or three of them"),
        ("order K-7 and nothing else", "order [redacted] and nothing else"),
        ("", ""),
    ],
)
def test_what_goes_and_what_stays(said: str, written: str) -> None:
    assert Redactor("redacted", [r"\bk-\d\b"]).text(said) == written


def test_off_is_nothing_and_full_is_everything() -> None:
    assert Redactor("off").text("4111 1111") is None
    assert Redactor("off").arguments("{}") is None
    assert Redactor("full", ["1"]).text("4111 1111") == "4111 1111"


def test_what_was_not_heard_is_not_written() -> None:
    redactor = Redactor("full")
    assert redactor.text("Hello, how can I help you?", 0.5) == "Hello, how"
    assert redactor.text("Hello", 0.9) == ""
    assert redactor.text("Hello", 1.0) == "Hello"
    assert redactor.text("Hello", 0.0) == ""


@pytest.mark.parametrize("heard", [0.4, 0.6, 0.7, 0.8])
def test_a_number_that_was_cut_through_is_replaced_whole(heard: float) -> None:
    told = Redactor("redacted").text("your code is 41 11 2", heard)
    assert told is not None
    assert told.rstrip() in ("your", "your code", "your code is", "your code is [number]")


def test_a_tools_arguments_keep_their_shape() -> None:
    told = Redactor("redacted").arguments(
        '{"pin": 1234, "to": ["a@b.example", 7, 2.5, true, null], "text": "5 5 5 5 5"}'
    )
    wanted = {"pin": "[number]", "to": ["[email]", 7, 2.5, True, None], "text": "[number]"}
    assert told == wanted
    assert Redactor("redacted").arguments("not JSON 12345") == "not JSON [number]"
    assert Redactor("redacted").arguments("") == {}


@given(st.text(alphabet="0123456789 -.,one@at", max_size=300))
def test_four_digits_in_a_row_never_stay(text: str) -> None:
    told = Redactor("redacted").text(text)
    assert told is not None
    digits = "".join(letter if letter.isdigit() else " " for letter in told)
    assert all(len(run) < 4 for run in digits.split())


@pytest.mark.parametrize(
    "text", ["1" * 20_000 + "a", "a" * 20_000, "one " * 5000 + "x@", "a.-" * 7000]
)
def test_no_text_is_slow(text: str) -> None:
    """A search that is worse than linear would take minutes, and the test's own time limit."""
    assert Redactor("redacted").text(text) is not None


@pytest.mark.parametrize(
    ("how", "uri", "told"),
    [
        ("full", '"Ann" <sip:+4930123456@pbx.example>', '"Ann" <sip:+4930123456@pbx.example>'),
        ("last4", '"Ann" <sip:+4930123456@pbx.example>', "…3456"),
        ("last4", "<sip:100@pbx.example>", "100"),
        ("last4", "tel:+4930123456", "…3456"),
        ("last4", "sip:anonymous@anonymous.invalid", "anonymous"),
        ("off", "<sip:100@pbx.example>", None),
    ],
)
def test_how_much_of_a_number_is_kept(how: str, uri: str, told: str | None) -> None:
    assert number(uri, how) == told  # type: ignore[arg-type] # the parameters are of the test
