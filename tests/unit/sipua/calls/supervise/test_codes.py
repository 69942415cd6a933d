import pytest

from sipua.calls.supervise.codes import CallUp, CodeRule, ParkSlots, PinEntry, meant

RULE = CodeRule("supervise", "*55", ("pbx",), ("201", "2??@boss.example.com"))
CALLS = [
    CallUp("c-2hp5vgaq", ("100", "+4930100"), "sales", 10.0),
    CallUp("c-3hp5vgaq", ("100", "+4930100"), "sales", 20.0),
    CallUp("c-4hp5vgaq", ("200", ""), "", 15.0),
]


@pytest.mark.parametrize(
    ("uri", "behind"),
    [
        ("sip:*55@edge.example.com", ""),
        ("sip:*55100@edge.example.com:5060;transport=udp", "100"),
        ("sip:%2A55sales@edge.example.com", "sales"),
        ("<sip:*55c-2hp5vgaq@edge>;tag=1", "c-2hp5vgaq"),
        ("sip:55100@edge.example.com", None),
        ("sip:*5@edge.example.com", None),
        ("sip:edge.example.com", None),
        ("", None),
        ("sip:*55" + "1" * 80 + "@edge", None),
    ],
)
def test_what_was_dialled(uri: str, behind: str | None) -> None:
    assert RULE.behind((uri,)) == behind


def test_the_request_line_or_to() -> None:
    assert RULE.behind(("sip:sipua@192.0.2.1", "sip:*55100@pbx")) == "100"


def test_without_a_prefix_no_number_is_a_code() -> None:
    assert CodeRule().behind(("sip:*55@edge",)) is None


@pytest.mark.parametrize(
    ("origin", "caller", "key"),
    [
        ("pbx", "sip:201@pbx", ""),
        ("pbx", "sip:250@boss.example.com", ""),
        ("pbx", "sip:250@other.example.com", "callers"),
        ("pbx", "sip:202@pbx", "callers"),
        ("pbx", '"Anonymous" <sip:anonymous@anonymous.invalid>', "callers"),
        ("carrier", "sip:201@pbx", "accounts"),
        ("anyone", "sip:201@pbx", "accounts"),
    ],
)
def test_who_may(origin: str, caller: str, key: str) -> None:
    assert RULE.refuses(origin, caller) == key


def test_each_caller_of_the_account_may_where_none_is_named() -> None:
    assert CodeRule("supervise", "*55", ("pbx",)).refuses("pbx", "sip:anyone@pbx") == ""
    assert CodeRule("supervise", "*55").refuses("pbx", "sip:anyone@pbx") == "accounts", (
        "it fails closed"
    )


@pytest.mark.parametrize(
    ("dialled", "call_id"),
    [
        ("", "c-3hp5vgaq"),
        ("100", "c-3hp5vgaq"),
        ("+4930100", "c-3hp5vgaq"),
        ("sales", "c-3hp5vgaq"),
        ("200", "c-4hp5vgaq"),
        ("2hp5vgaq", "c-2hp5vgaq"),
        ("c-2hp5vgaq", "c-2hp5vgaq"),
        ("300", None),
        ("10", None),
    ],
)
def test_which_call_is_meant(dialled: str, call_id: str | None) -> None:
    found = meant(dialled, CALLS)
    assert (found and found.call_id) == call_id


def test_no_call_is_up() -> None:
    assert meant("", []) is None


@pytest.mark.parametrize(
    ("keys", "outcomes"),
    [
        ("1234", [None, None, None, True]),
        ("9#1234", [None, None, None, None, None, True]),
        ("0000" * 3, [None] * 11 + [False]),
        ("00001234", [None] * 7 + [True]),
    ],
)
def test_a_pin(keys: str, outcomes: list[bool | None]) -> None:
    entry = PinEntry("1234")
    assert [entry.press(key) for key in keys] == outcomes


def test_slots() -> None:
    slots = ParkSlots()
    slots.most = 2
    assert [slots.take(call) for call in ("a", "b", "a", "c")] == ["1", "2", "1", ""]
    slots.free("a")
    slots.free("never parked")
    assert slots.take("c") == "1"
    assert (slots.call_in("1"), slots.call_in("2"), slots.call_in("3")) == ("c", "b", None)
    slots.most = 1  # a reload: who is parked stays
    assert (slots.call_in("2"), slots.take("d")) == ("b", "")
