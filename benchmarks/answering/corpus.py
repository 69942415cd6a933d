"""The corpus: calls as they are answered, each with what it is. Made anew from its seed each time.

The halves have no text in common, and no seed: what is fitted on one is judged on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

import numpy as np

from sipua.bench.answering import machines, texts
from sipua.bench.answering.line import over_a_line
from sipua.bench.answering.speaker import RATE_HZ, Signal, Voice, silence
from sipua.bridge.answering.verdict import Verdict
from sipua.codecs.pcm import Pcm

Half: TypeAlias = Literal["train", "test"]

_AFTER_S = 7.0
"""Of silence at the end: the other side waits for us."""


@dataclass(frozen=True, slots=True)
class Made:
    sound: Signal
    said_until_ms: int = 0
    """The end of a person's greeting."""
    beep_ms: int = 0
    """The end of the beep; 0: there is none."""
    noise_db: float | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    first: frozenset[Verdict]
    """The first verdicts that are right."""
    last: frozenset[Verdict]
    make: Callable[[Random, Half], Made]
    weight: int = 1
    """How many there are of it, beside the others."""


@dataclass(frozen=True, slots=True)
class Sample:
    kind: Kind
    frames: list[Pcm]
    said_until_ms: int
    beep_ms: int


def samples(
    half: Half, count: int, seed: int, kinds: Sequence[Kind] | None = None
) -> Iterator[Sample]:
    """About `count` of them, all kinds mixed. `kinds`: None: those of this corpus."""
    kinds = KINDS if kinds is None else kinds
    total = sum(kind.weight for kind in kinds)
    for kind in kinds:
        for number in range(max(1, round(count * kind.weight / total))):
            chance = Random(f"{half}:{kind.name}:{number}:{seed}")
            made = kind.make(chance, half)
            frames = over_a_line(made.sound, chance, noise_db=made.noise_db)
            yield Sample(kind, frames, made.said_until_ms, made.beep_ms)


def _spoken(chance: Random, half: Half, kind: str) -> Signal:
    of_kind = texts.of(kind)
    language = chance.choice(sorted(of_kind))
    text = chance.choice(of_kind[language][half == "test" :: 2])
    return Voice(chance, language).say(text)


def _ms(*sounds: Signal) -> int:
    return sum(map(len, sounds)) * 1000 // RATE_HZ


def _person(kind: str) -> Callable[[Random, Half], Made]:
    def make(chance: Random, half: Half) -> Made:
        before = silence(chance.uniform(0.1, 1.6))
        said = _spoken(chance, half, kind)
        return Made(np.concatenate([before, said, silence(_AFTER_S)]), _ms(before, said))

    return make


def _behind_ring_back(chance: Random, half: Half) -> Made:
    ringing, person = machines.ring_back(chance), _person("home")(chance, half)
    return Made(np.concatenate([ringing, person.sound]), _ms(ringing) + person.said_until_ms)


def _machine(kind: str) -> Callable[[Random, Half], Made]:
    def make(chance: Random, half: Half) -> Made:
        before = silence(chance.uniform(0.1, 1.5))
        said = _spoken(chance, half, kind)
        return Made(np.concatenate([before, said, silence(_AFTER_S)]))

    return make


def _with_beep(chance: Random, half: Half) -> Made:
    before = silence(chance.uniform(0.1, 1.5))
    said = _spoken(chance, half, "voicemail")
    gap = silence(min(3.0, chance.lognormvariate(-0.3, 0.6)))
    beep = machines.beep(chance)
    sound = np.concatenate([before, said, gap, beep, silence(_AFTER_S)])
    return Made(sound, beep_ms=_ms(before, said, gap, beep))


def _announcement(chance: Random, half: Half) -> Made:
    tones, said = machines.special_information(chance), _spoken(chance, half, "out_of_service")
    return Made(
        np.concatenate([silence(chance.uniform(0, 1)), tones, silence(0.3), said, silence(3.0)])
    )


def _sound(make: Callable[[Random], Signal]) -> Callable[[Random, Half], Made]:
    return lambda chance, _half: Made(np.concatenate([make(chance), silence(3.0)]))


def _nothing(chance: Random, _half: Half) -> Made:
    return Made(silence(10.0), noise_db=chance.uniform(-90, -60))


def _noise(chance: Random, _half: Half) -> Made:
    return Made(silence(10.0), noise_db=chance.uniform(-50, -32))


def _one(*verdicts: Verdict) -> frozenset[Verdict]:
    return frozenset(verdicts)


_MACHINE = _one("machine", "voicemail")

KINDS: Final[tuple[Kind, ...]] = (
    Kind("person at home", _one("person"), _one("person"), _person("home"), 8),
    Kind("person at a firm", _one("person"), _one("person"), _person("firm"), 6),
    Kind("person behind ring-back", _one("person"), _one("person"), _behind_ring_back, 2),
    Kind("voicemail with beep", _MACHINE, _one("voicemail"), _with_beep, 10),
    Kind("voicemail without beep", _MACHINE, _one("machine"), _machine("voicemail"), 5),
    Kind("screening", _MACHINE, _one("machine"), _machine("screening"), 3),
    Kind("menu", _MACHINE, _one("machine"), _machine("menu"), 3),
    Kind("announcement (SIT)", _MACHINE, _one("machine"), _announcement, 2),
    Kind("busy tone", _MACHINE, _one("machine"), _sound(machines.busy), 1),
    Kind("music", _MACHINE, _one("machine"), _sound(machines.music), 1),
    Kind("fax, called", _one("fax"), _one("fax"), _sound(machines.answer_of_fax), 1),
    Kind("fax, calling", _one("fax"), _one("fax"), _sound(machines.calling_fax), 1),
    Kind("silence", _one("silence"), _one("silence"), _nothing, 1),
    Kind("noise", _one("silence"), _one("silence"), _noise, 1),
)
