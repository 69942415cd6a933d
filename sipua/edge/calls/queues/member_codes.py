"""Codes that members of queues dial from their own phones: sign in, sign out, pause.

The call goes on as an ordinary one whose caller hears what has come of it (`CallFacts.notice`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sipua.calls.facts import Notice
from sipua.calls.routes import addresses
from sipua.calls.supervise.codes import CodeRule
from sipua.config import Config
from sipua.config.sections.queues import PAUSE_REASON
from sipua.edge.calls.queues.queues import EdgeQueues
from sipua.edge.wiring import supervise_codes
from sipua.queue.presence import PresenceState
from sipua.sip.messages import IncomingCall

DIALLED = "dialled"


class CodeRefusedError(Exception):
    """`rule`: the key of the configuration that refuses it; the text is for people."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


class MemberCodes:
    def __init__(self, queues: EdgeQueues) -> None:
        self._queues = queues
        self._rules: Mapping[PresenceState, CodeRule] = {}
        self._reasons: Mapping[str, str] = {}

    def use(self, config: Config) -> None:
        self._rules = supervise_codes.of_members(config)
        self._reasons = config.queue_members.pause_reasons

    def dialled(self, event: IncomingCall) -> Notice:
        """Do what the code says; empty: another number was dialled. Raises CodeRefusedError."""
        uris = (event.request_uri, event.to_uri)
        for state, rule in self._rules.items():
            behind = rule.behind(uris)
            if behind is None:
                continue
            if behind and not (state == "paused" and PAUSE_REASON.fullmatch(behind)):
                continue  # another number that begins alike
            caller = event.parties.caller
            if refused := rule.refuses(event.origin, caller.uri):
                words = "the code may not be dialled by this caller, or from there"
                raise CodeRefusedError(f"{rule.section}.{refused}", words)
            target = member_of(caller.uri, self._queues.targets())
            if target is None or caller.anonymous:
                words = "the caller is no member of a queue, or two members have this number"
                raise CodeRefusedError("queues.members", words)
            self._queues.set_presence(target, state, self._reasons.get(behind, behind), DIALLED)
            return state
        return ""


def member_of(caller: str, targets: Iterable[str]) -> str | None:
    """The target that has the caller's number, and if there are several, the caller's host as well.
    None: there is none, or it cannot be told which."""
    known = addresses(caller)
    fitting = [one for one in targets if known[0] and addresses(one)[0] == known[0]]
    if len(fitting) > 1:
        fitting = [one for one in fitting if addresses(one)[1:] == known[1:]]
    return fitting[0] if len(fitting) == 1 else None
