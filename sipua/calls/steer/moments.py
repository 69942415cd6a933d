"""When each command is possible. No I/O.

                rings     talks     on hold   on hold   no engine  put
                                    by us     by peer   any more   through (4)
hang_up         yes       yes       yes       yes       yes        yes
transfer        -         yes (1)   yes (1)   yes (1)   yes (1)    -        (7)
press_keys      -         yes       -         -         yes        yes
hold            -         yes (2)   yes (2)   yes (2)   yes (2)    -
mute            yes       yes       yes       yes       yes        yes
say             -         yes (3)   -         -         -          -
play            -         yes       -         -         yes        -
inject, whisper yes       yes       yes       yes       -          -
set_metadata    yes       yes       yes       yes       yes        yes
queue           -         yes       -         -         -          -
documents       yes       yes       yes       yes       yes        -        (8)
record          yes (5)   yes (5)   yes (5)   yes (5)   yes (5)    yes (5)
supervise       -         yes (6)   yes (6)   yes (6)   yes (6)    yes (6)
park            -         yes       -         -         -          -

(1)  one at a time      (2)  one at a time, and only if it changes anything
(3)  not while the agent is muted: it would not be heard
(4)  a second leg is called, or talks with the other side: the agent is aside, or has left
(5)  as `sipua.recording.state` says
(6)  a takeover: as `sipua.calls.supervise.modes` says; the other acts of supervisors as well
(7)  not while documents lead the call: they would go on beneath it
(8)  yes if these documents have put it through
"""

from __future__ import annotations

from dataclasses import dataclass

from sipua.calls.steer.commands import (
    Command,
    Done,
    HangUp,
    Hold,
    Inject,
    JoinQueue,
    Mute,
    Play,
    PressKeys,
    Record,
    RunDocuments,
    Say,
    SetMetadata,
    SuperviseEnd,
    SuperviseMode,
    Transfer,
    Unpark,
    Whisper,
)

_ALWAYS = (
    HangUp | Mute | SetMetadata | Record | RunDocuments | SuperviseMode | SuperviseEnd | Unpark
)
"""What is judged where it is done, if at all."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a call is in the middle of."""

    confirmed: bool = True
    """Both sides can hear each other."""
    on_hold: bool = False
    """By either side."""
    held_by_us: bool = False
    hold_under_way: bool = False
    transfer_under_way: bool = False
    put_through: bool = False
    agent_muted: bool = False
    engine_gone: bool = False
    """For good: the fallback runs."""
    documents: bool = False
    """They lead the call."""
    injects: bool = True
    """The engine can be told something."""


def refusal(command: Command, moment: Moment) -> Done | None:
    """Why not now; None: it is possible."""
    if isinstance(command, _ALWAYS):
        return None
    if moment.put_through and isinstance(command, Hold | Say | Play | Inject | Whisper | JoinQueue):
        return Done("wrong_state", "the other side is being put through, or talks with the target")
    if isinstance(command, Inject | Whisper):
        return _inject(moment)
    if not moment.confirmed:
        return Done("wrong_state", "the call is not answered yet")
    match command:
        case Transfer():
            return _transfer(moment)
        case Hold():
            return _hold(command, moment)
        case PressKeys() | Say() | Play():
            if moment.on_hold:
                return Done("wrong_state", "the call is on hold")
    if isinstance(command, Say):
        return _say(moment)
    if isinstance(command, JoinQueue):
        return _queue(moment)
    return None


def _transfer(moment: Moment) -> Done | None:
    if moment.transfer_under_way or moment.put_through:
        return Done("wrong_state", "another transfer is under way")
    if moment.documents:
        return Done("wrong_state", "documents lead the call: give it another one by REST")
    return None


def _queue(moment: Moment) -> Done | None:
    if moment.on_hold:
        return Done("wrong_state", "the call is on hold")
    if moment.transfer_under_way:
        return Done("wrong_state", "a transfer is under way")
    if moment.engine_gone:
        return Done("wrong_state", "no agent has the call: it is in a menu, a queue or a fallback")
    return None


def _inject(moment: Moment) -> Done | None:
    if moment.engine_gone:
        return Done("wrong_state", "there is no engine any more")
    if not moment.injects:
        return Done("unsupported", "the engine in use cannot be told anything in a call")
    return None


def _hold(command: Hold, moment: Moment) -> Done | None:
    if moment.hold_under_way:
        return Done("wrong_state", "another hold or resume is under way")
    if command.on is moment.held_by_us:
        return Done("done", "it is on hold already" if command.on else "it is not on hold")
    return None


def _say(moment: Moment) -> Done | None:
    if moment.engine_gone:
        return Done("wrong_state", "there is no engine any more")
    if moment.agent_muted:
        return Done("wrong_state", "the agent is muted: it would not be heard")
    return None
