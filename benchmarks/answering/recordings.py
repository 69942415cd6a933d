"""The corpus of recorded voices: prompts of Asterisk, put together as calls are answered.

Debian has them (`asterisk-core-sounds-en-wav`, and es, fr, it, ru): one person each, who reads.
What Asterisk's own voicemail, directory and menus say is as callers hear it. Persons are made of
single words of the same voices; behind some calls other voices talk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

import numpy as np
import soxr

from sipua.bench.answering import machines
from sipua.bench.answering.corpus import Half, Kind, Made
from sipua.bench.answering.speaker import RATE_HZ, Signal, levelled, silence
from sipua.bench.common.errors import BenchError
from sipua.bridge.answering.verdict import Verdict
from sipua.codecs import wav

_LONGEST_S: Final = 40.0
_AFTER_S: Final = 7.0
_TALKERS: Final = 5
_HOME: Final = ("hello", "vm-goodbye", "one-moment-please")
_FIRM: Final = ("queue-thankyou", "one-moment-please", "dir-welcome", "pbx-transfer")
_UNAVAILABLE: Final = ("vm-isunavail", "vm-isonphone")
_MENUS: Final = (
    "basic-pbx-ivr-main", "conf-adminmenu", "conf-usermenu", "dir-intro", "dir-intro-fn",
    "queue-periodic-announce", "vm-msginstruct", "vm-options", "vm-opts", "vm-review",
)  # fmt: skip
_OUT_OF_SERVICE: Final = ("ss-noservice", "cannot-complete-as-dialed", "check-number-dial-again")
_NEEDED: Final = ("vm-intro", "vm-theperson", "vm-isunavail", "beep", "digits/1", "phonetic/a_p")

_PERSON: Final[frozenset[Verdict]] = frozenset(("person",))
_MACHINE: Final[frozenset[Verdict]] = frozenset(("machine", "voicemail"))
_VOICEMAIL: Final[frozenset[Verdict]] = frozenset(("voicemail",))


class Voice:
    """One reader."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def say(self, stem: str) -> Signal:
        return _sound(self._folder / f"{stem}.wav")

    def one_of(self, chance: Random, stems: Sequence[str]) -> Signal:
        there = [stem for stem in stems if (self._folder / f"{stem}.wav").exists()]
        return self.say(chance.choice(there))

    def word(self, chance: Random) -> Signal:
        """As a name: a word of the spelling alphabet."""
        words = sorted(self._folder.glob("phonetic/?_p.wav"))
        return _sound(chance.choice(words))

    def extension(self, chance: Random) -> list[Signal]:
        return [self.say(f"digits/{chance.randint(0, 9)}") for _ in range(chance.choice((3, 4)))]


_Make: TypeAlias = Callable[[Voice, Random], Made]


def recorded_kinds(directory: Path) -> tuple[Kind, ...]:
    """`directory`: has a folder for each voice. Raises BenchError."""
    folders = sorted(path for path in directory.glob("*") if _is_voice(path))
    if not folders:
        raise BenchError(
            f"{directory}: no folder in it has prompts of Asterisk ({', '.join(_NEEDED)}): "
            "apt-get install asterisk-core-sounds-en-wav"
        )
    voices = [Voice(folder) for folder in folders]

    def kind(
        name: str, right: frozenset[Verdict], last: frozenset[Verdict], make: _Make, weight: int
    ) -> Sequence[Kind]:
        return [
            Kind(f"{name}{', babble' * babble}", right, last, _made(voices, make, babble), weight)
            for babble in (False, True)
        ]

    return (
        *kind("person, a word", _PERSON, _PERSON, _home, 6),
        *kind("person, a sentence", _PERSON, _PERSON, _firm, 4),
        *kind("voicemail with beep", _MACHINE, _VOICEMAIL, _with_beep, 6),
        *kind("voicemail without beep", _MACHINE, _MACHINE, _without_beep, 3),
        *kind("screening", _MACHINE, _MACHINE, _screening, 1),
        *kind("menu", _MACHINE, _MACHINE, _menu, 3),
        *kind("announcement (SIT)", _MACHINE, _MACHINE, _announcement, 1),
    )


def _is_voice(folder: Path) -> bool:
    return all((folder / f"{stem}.wav").exists() for stem in _NEEDED)


def _made(voices: Sequence[Voice], make: _Make, babble: bool) -> Callable[[Random, Half], Made]:
    def call(chance: Random, _half: Half) -> Made:
        voice = chance.choice(voices)
        made = make(voice, chance)
        if babble:
            sound = made.sound + _babble(voices, chance, len(made.sound))
            made = Made(sound, made.said_until_ms, made.beep_ms)
        return made

    return call


def _babble(voices: Sequence[Voice], chance: Random, length: int) -> Signal:
    """Five voices at once, 14 to 26 dB below the one that is meant."""
    mixed = silence(length / RATE_HZ)
    for _ in range(_TALKERS):
        said, voice = silence(0), chance.choice(voices)
        while len(said) < length + RATE_HZ * 4:
            said = np.concatenate([said, voice.one_of(chance, _MENUS), silence(0.3)])
        start = chance.randrange(RATE_HZ * 4)
        mixed += said[start : start + length]
    return np.asarray(mixed * 10 ** (-chance.uniform(14, 26) / 20) / np.sqrt(_TALKERS))


def _ended(chance: Random, said: Sequence[Signal], *, pause: tuple[float, float]) -> list[Signal]:
    parts = [silence(chance.uniform(0.1, 1.5))]
    for number, one in enumerate(said):
        parts += [silence(chance.uniform(*pause)), one] if number else [one]
    return parts


def _person(chance: Random, *said: Signal) -> Made:
    parts = _ended(chance, said, pause=(0.15, 0.6))
    return Made(np.concatenate([*parts, silence(_AFTER_S)]), said_until_ms=_ms(*parts))


def _home(voice: Voice, chance: Random) -> Made:
    first = voice.one_of(chance, _HOME)
    return chance.choice(
        (
            lambda: _person(chance, first),
            lambda: _person(chance, voice.word(chance)),
            lambda: _person(chance, first, voice.word(chance)),
        )
    )()


def _firm(voice: Voice, chance: Random) -> Made:
    names = [voice.word(chance) for _ in range(chance.choice((1, 2)))]
    return _person(chance, *names, voice.one_of(chance, _FIRM))


def _greeting(voice: Voice, chance: Random) -> list[Signal]:
    """As Asterisk's voicemail says it; or without saying whose."""
    if chance.random() < 0.7:
        whose = [voice.say("vm-theperson"), *voice.extension(chance)]
        said = [*whose, voice.one_of(chance, _UNAVAILABLE), voice.say("vm-intro")]
    else:
        said = [voice.say("vm-intro")]
    return _ended(chance, said, pause=(0.05, 0.25))


def _with_beep(voice: Voice, chance: Random) -> Made:
    parts = [*_greeting(voice, chance), silence(chance.uniform(0.05, 1.5))]
    parts.append(voice.say("beep") if chance.random() < 0.5 else machines.beep(chance))
    return Made(np.concatenate([*parts, silence(_AFTER_S)]), beep_ms=_ms(*parts))


def _without_beep(voice: Voice, chance: Random) -> Made:
    return Made(np.concatenate([*_greeting(voice, chance), silence(_AFTER_S)]))


def _screening(voice: Voice, chance: Random) -> Made:
    said = _ended(chance, [voice.say("priv-recordintro")], pause=(0, 0))
    parts = [*said, silence(0.2), voice.say("beep")]
    return Made(np.concatenate([*parts, silence(_AFTER_S)]), beep_ms=_ms(*parts))


def _menu(voice: Voice, chance: Random) -> Made:
    said = _ended(chance, [voice.one_of(chance, _MENUS)], pause=(0, 0))
    return Made(np.concatenate([*said, silence(_AFTER_S)]))


def _announcement(voice: Voice, chance: Random) -> Made:
    tones, said = machines.special_information(chance), voice.one_of(chance, _OUT_OF_SERVICE)
    return Made(np.concatenate([silence(0.3), tones, silence(0.3), said, silence(3.0)]))


def _ms(*sounds: Signal) -> int:
    return sum(map(len, sounds)) * 1000 // RATE_HZ


@lru_cache(maxsize=512)
def _sound(file: Path) -> Signal:
    """Raises BenchError."""
    try:
        with file.open("rb") as source:
            sound = wav.read(source, most_s=_LONGEST_S)
    except (OSError, wav.WavError) as error:
        raise BenchError(f"{file}: {error}") from None
    pcm = sound.samples().mean(axis=1) / 32768
    return levelled(np.asarray(soxr.resample(pcm, sound.rate_hz, RATE_HZ, "HQ"), np.float64))
