"""The turn state alone: each row of its written table, and what holds in any order of events."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDone,
    CallerIdle,
    Event,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
)
from sipua.bridge.turns import state
from sipua.bridge.turns.state import Debt, TurnOf, TurnState
from support.engine.line import FakeLine, turn_state

Act = Callable[[TurnState], None]

NOW = 200.0


def in_debt(debt: str, *, runs: bool) -> TurnState:
    """As a call comes there, at 100 s."""
    turns = turn_state()
    turns.asked(100)
    if runs or debt == "later":
        turns.response_started(100)
    if debt == "later":
        turns.response_done("failed")
    if debt == "none":
        turns.caller_began(local=False)
        turns.caller_ended(local=False)
    assert turns.debt == debt
    assert turns.response_runs is (runs and debt != "later")
    return turns


@dataclass
class Cell:
    event: str
    debt: str
    then: str
    runs: str


ROWS: dict[str, tuple[Act, bool]] = {
    # event -> what happens, and whether a response runs before
    "asked": (lambda turns: turns.asked(NOW), False),
    "response started": (lambda turns: turns.response_started(NOW), False),
    "sign of life, none runs": (lambda turns: turns.sign_of_life(NOW), False),
    "sign of life, one runs": (lambda turns: turns.sign_of_life(NOW), True),
    "response done": (lambda turns: turns.response_done("completed"), True),
    "response failed": (lambda turns: turns.response_done("failed"), True),
    "response cancelled": (lambda turns: turns.response_done("cancelled"), True),
    "engine hears the caller": (lambda turns: turns.caller_began(local=False), True),
    "we hear the caller": (lambda turns: turns.caller_began(local=True), True),
    "cancelled by us": (lambda turns: turns.cancelled(), True),
    "session ended": (lambda turns: turns.session_ended(), True),
}


def written() -> list[Cell]:
    """The table in the module's docstring, cell by cell."""
    assert state.__doc__
    _, table = state.__doc__.split("    event                        none")
    rows, _ = table.split("\n\n", 1)
    cells = []
    for row in rows.splitlines()[1:]:
        event, *told = re.split(r"\s{2,}", re.sub(r"\(\d+\)", "   ", row).strip())
        runs = told.pop()
        cells += [
            Cell(event, debt, then, runs)
            for debt, then in zip(("none", "owed", "later"), told, strict=True)
        ]
    return cells


def test_each_event_has_its_row() -> None:
    assert list(dict.fromkeys(cell.event for cell in written())) == list(ROWS)


@pytest.mark.parametrize("cell", written(), ids=lambda cell: f"{cell.event}, {cell.debt}")
def test_what_is_written_is_what_happens(cell: Cell) -> None:
    act, runs = ROWS[cell.event]
    if cell.then == "x":
        return  # `in_debt` could not make it: a response that runs makes it owed
    turns = in_debt(cell.debt, runs=runs)
    ran = turns.response_runs
    act(turns)
    assert turns.debt == (cell.debt if cell.then == "-" else cell.then)
    assert turns.response_runs is {"-": ran, "yes": True, "no": False}[cell.runs]


def test_1_while_a_response_runs_one_more_may_be_owed() -> None:
    for status in ("completed", "failed", "incomplete"):
        turns = in_debt("owed", runs=True)
        turns.asked(NOW)
        turns.response_done(status)
        assert turns.debt == "owed"
        turns.response_started(NOW)
        turns.response_done("completed")
        assert turns.debt == "none"


def test_the_wait_begins_when_it_is_asked_and_a_sign_of_life_gives_new_time() -> None:
    turns = in_debt("owed", runs=True)
    assert (turns.owed_since_s, turns.alive_s) == (100, 100)
    turns.sign_of_life(105)
    assert (turns.owed_since_s, turns.alive_s) == (100, 105)
    turns.asked(NOW)
    assert (turns.owed_since_s, turns.alive_s) == (NOW, NOW)


def test_who_hears_the_caller() -> None:
    turns = turn_state()
    turns.caller_began(local=True)
    assert (turns.engine_hears, turns.we_hear) == (False, True)
    turns.caller_began(local=False)
    turns.caller_ended(local=True)
    assert (turns.engine_hears, turns.we_hear) == (True, False)
    turns.session_ended()
    assert turns.engine_hears, "the next session is given what this one had begun to hear"
    turns.session_began()
    assert not turns.engine_hears


@pytest.mark.parametrize(
    ("saying", "turn"), [("", "waiting"), ("answer", "model"), ("local:hold:1", "local sound")]
)
def test_what_is_to_be_heard_stands_before_what_is_owed_and_the_caller_before_both(
    saying: str, turn: TurnOf
) -> None:
    line = FakeLine()
    turns = TurnState(line)
    assert turns.turn == "idle"
    turns.asked(NOW)
    line.saying = saying
    assert turns.turn == turn
    turns.caller_began(local=True)
    assert turns.turn == "caller"
    turns.caller_ended(local=True)
    assert turns.turn == turn, "nothing was cut: it goes on"


@pytest.mark.parametrize(
    "event",
    [
        AudioDone("a"),
        ToolCall("c", "name", "{}", "r"),
        ServerTool("i", "name", "started"),
        Transcript("i", "assistant", "words", final=False),
    ],
)
def test_what_is_a_sign_of_life(event: Event) -> None:
    turns = in_debt("owed", runs=False)
    turns.follow(event, NOW)
    assert turns.turn == "idle"


@pytest.mark.parametrize("event", [Transcript("i", "user", "w", final=True), CallerIdle("i", 0)])
def test_what_is_none(event: Event) -> None:
    turns = in_debt("owed", runs=False)
    turns.follow(event, NOW)
    assert turns.turn == "waiting"


def test_events_of_a_whole_turn() -> None:
    turns = turn_state()
    told: list[str] = []
    for event in (
        SpeechStarted("u", 0),
        SpeechStopped("u", 900),
        ResponseStarted("r"),
        AudioDone("a"),
        ResponseDone("r", "completed"),
    ):
        turns.follow(event, NOW)
        told.append(turns.turn)
        if isinstance(event, SpeechStopped):
            turns.asked(NOW)
    assert told == ["caller", "idle", "waiting", "waiting", "idle"]


# --- any order -------------------------------------------------------------------------------

ACTS: dict[str, Act] = {
    "engine hears": lambda turns: turns.caller_began(local=False),
    "engine hears the end": lambda turns: turns.caller_ended(local=False),
    "we hear": lambda turns: turns.caller_began(local=True),
    "we hear the end": lambda turns: turns.caller_ended(local=True),
    "cancelled": lambda turns: turns.cancelled(),
    "session began": lambda turns: turns.session_began(),
    "session ended": lambda turns: turns.session_ended(),
    "completed": lambda turns: turns.response_done("completed"),
    "failed": lambda turns: turns.response_done("failed"),
    "was cancelled": lambda turns: turns.response_done("cancelled"),
}
TIMED: dict[str, Callable[[TurnState, float], None]] = {
    "asked": TurnState.asked,
    "started": TurnState.response_started,
    "alive": TurnState.sign_of_life,
}
FORGIVEN = {"engine hears", "cancelled", "session ended"}
MAKES_DEBT = {"asked", "started"}
OF_THE_CALLER = {"engine hears the end", "we hear", "we hear the end", "session began"}


class Told:
    """A turn state, and what must hold of it after each event, whatever came before."""

    def __init__(self) -> None:
        self.line = FakeLine()
        self.turns = TurnState(self.line)
        self.heard = {"engine": False, "we": False}
        self.now = 0.0

    def act(self, name: str) -> None:
        debt, ran = self.turns.debt, self.turns.response_runs
        if name in TIMED:
            TIMED[name](self.turns, self.now)
        else:
            ACTS[name](self.turns)
        if name == "session began":
            self.heard = {"engine": False, "we": False}
        elif name.startswith(("engine hears", "we hear")):
            self.heard[name.split(maxsplit=1)[0]] = not name.endswith("the end")
        self._check_writers(name, debt, ran)
        self._check_facts()
        assert self.turns.turn == self._first_that_holds()

    def _check_writers(self, name: str, debt: Debt, ran: bool) -> None:
        """Each fact has its writer, and no other."""
        turns = self.turns
        assert (turns.engine_hears, turns.we_hear) == (self.heard["engine"], self.heard["we"])
        if name in MAKES_DEBT:
            assert turns.debt == "owed"
        elif name in FORGIVEN or debt == "none":
            assert turns.debt == "none"
        elif name in OF_THE_CALLER:
            assert (turns.debt, turns.response_runs) == (debt, ran)

    def _check_facts(self) -> None:
        """They fit each other."""
        turns = self.turns
        if turns.debt == "later":
            assert not turns.response_runs, "what runs is owed, or not waited for"
        if turns.debt == "owed":
            assert turns.owed_since_s <= turns.alive_s <= self.now

    def _first_that_holds(self) -> TurnOf:
        if any(self.heard.values()):
            return "caller"
        if self.line.saying:
            return "local sound" if self.line.saying.startswith("local:") else "model"
        return "waiting" if self.turns.model_owes else "idle"


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*ACTS, *TIMED]),
            st.sampled_from(["", "answer", "local:hold:1"]),
            st.floats(0, 100),
        )
    )
)
def test_what_holds_in_any_order(story: list[tuple[str, str, float]]) -> None:
    told = Told()
    for name, saying, passes_s in story:
        told.line.saying = saying
        told.now += passes_s
        told.act(name)
