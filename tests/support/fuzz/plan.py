"""Cases: what is sent, in which order and how. The same for the same seed and number, always."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Literal

from support.fuzz import grammar
from support.fuzz.message import Message, read
from support.fuzz.mutations import mutated
from support.signalling.torture import invalid, meaning, valid
from support.signalling.torture.draft import ALL, Draft
from support.signalling.torture.smuggled import S2, S3

TAUGHT = (valid, invalid, meaning)
"""They fill the table of RFC 4475."""

Kind = Literal["alone", "stream", "call", "early", "placed"]
Act = Literal["send", "answered"]


@dataclass
class Step:
    act: Act
    data: bytes = b""
    cuts: tuple[int, ...] = ()
    """Of TCP: where the stream is cut; each piece is a segment of its own."""


@dataclass
class Case:
    seed: str
    number: int
    kind: Kind
    over: Literal["UDP", "TCP"] = "UDP"
    stranger: bool = False
    steps: list[Step] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)
    """To the edge's requests, in turn."""
    reset: bool = False
    """Of TCP: the connection is not closed but broken."""

    def as_json(self) -> str:
        about = asdict(self)
        about["steps"] = [
            {"act": s.act, "data": _text(s.data), "cuts": list(s.cuts)} for s in self.steps
        ]
        about["replies"] = [_text(data) for data in self.replies]
        return json.dumps(about)

    @classmethod
    def from_json(cls, line: str) -> Case:
        about = json.loads(line)
        about["steps"] = [
            Step(s["act"], base64.b64decode(s["data"]), tuple(s["cuts"])) for s in about["steps"]
        ]
        about["replies"] = [base64.b64decode(text) for text in about["replies"]]
        return cls(**about)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def case(seed: str, number: int, kinds: tuple[Kind, ...] = ()) -> Case:
    random = Random(f"{seed}/{number}")
    weights = {"alone": 55, "stream": 10, "call": 14, "early": 8, "placed": 8}
    kind: Kind = random.choices(list(weights), list(weights.values()))[0]  # type: ignore[assignment]
    if kinds and kind not in kinds:
        kind = random.choice(kinds)
    made = Case(seed, number, kind)
    if kind in ("alone", "stream"):
        made.stranger = random.random() < 0.2
    if kind != "placed":
        made.over = "TCP" if kind == "stream" or random.random() < 0.25 else "UDP"
    made.steps = _STEPS[kind](random)
    if made.over == "TCP":
        for step in made.steps:
            step.cuts = _cuts(random, len(step.data))
        made.reset = random.random() < 0.15
    return made


def reply(seed: str, number: int, method: str) -> bytes:
    """Of a registrar or a server of a trunk, to its `number`th request."""
    random = Random(f"{seed}/reply/{number}")
    return _response(random, method)


def seeds() -> list[Message]:
    """RFC 4475's and what can be read in two ways, with placeholders for the two ends."""
    found = []
    for number, torture in enumerate((*ALL.values(), *S2, *S3)):
        draft = Draft("{{me}}", "{{edge}}", "{{over}}", f"{{{{id}}}}s{number}")
        torture.write(draft)
        found.append(read(draft.written()))
    return [message for message in found if message.headers]


_SEEDS = seeds()


def _times(random: Random) -> int:
    return random.choice((0, 1, 1, 1, 2, 3, 5))


def _request(random: Random, *, dialog: bool = False) -> bytes:
    if not dialog and random.random() < 0.25:
        return mutated(random, random.choice(_SEEDS), _times(random))
    methods = grammar.WITHIN if dialog else grammar.METHODS
    return mutated(
        random, grammar.request(random, random.choice(methods), dialog=dialog), _times(random)
    )


def _response(random: Random, method: str) -> bytes:
    return mutated(random, grammar.response(random, method), random.choice((0, 0, 1, 1, 2)))


def _one_of_many(random: Random, number: int) -> bytes:
    """A request of a call of its own."""
    data = _request(random)
    for name in (b"{{branch}}", b"{{call_id}}"):
        data = data.replace(name, name + b".%d" % number)
    return data


def _alone(random: Random) -> list[Step]:
    return [Step("send", _one_of_many(random, n)) for n in range(random.randint(1, 12))]


def _stream(random: Random) -> list[Step]:
    parts = []
    for number in range(random.randint(2, 8)):
        parts.append(_one_of_many(random, number))
        if random.random() < 0.2:
            parts.append(random.choice((b"\r\n\r\n", b"\r\n", b"\0" * 50, random.randbytes(40))))
    return [Step("send", b"".join(parts))]


def _invite(random: Random) -> bytes:
    """So that a call comes of it, most times."""
    return mutated(random, grammar.request(random, "INVITE"), random.choice((0, 0, 0, 0, 1)))


def _call(random: Random) -> list[Step]:
    steps = [Step("send", _invite(random)), Step("answered")]
    if random.random() < 0.9:
        ack = grammar.request(random, "ACK", dialog=True)
        steps.append(Step("send", mutated(random, ack, random.choice((0, 0, 0, 1)))))
    steps += [Step("send", _request(random, dialog=True)) for _ in range(random.randint(1, 8))]
    return steps


def _early(random: Random) -> list[Step]:
    steps = [Step("send", _invite(random))]
    for _ in range(random.randint(1, 4)):
        method = random.choice(
            ("CANCEL", "CANCEL", "PRACK", "UPDATE", "ACK", "BYE", "INVITE", "INFO")
        )
        made = grammar.request(random, method, dialog=method not in ("CANCEL", "INVITE"))
        steps.append(Step("send", mutated(random, made, _times(random))))
    return steps


def _placed(random: Random) -> list[Step]:
    """What a callee says to our INVITE, then what it asks within the call."""
    steps = [Step("send", _response(random, "INVITE")) for _ in range(random.randint(1, 4))]
    later = range(random.randint(0, 4))
    return [*steps, *(Step("send", _request(random, dialog=True)) for _ in later)]


_STEPS = {"alone": _alone, "stream": _stream, "call": _call, "early": _early, "placed": _placed}


def _cuts(random: Random, size: int) -> tuple[int, ...]:
    many = random.choice((0, 0, 0, 1, 2, 5))
    return tuple(sorted(random.randint(0, size) for _ in range(many)))
