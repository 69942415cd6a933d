"""The corpus without its speaker, and the figures that are made of it."""

from random import Random

from sipua.bench.answering import judge, machines, texts
from sipua.bench.answering.corpus import KINDS, Sample
from sipua.bench.answering.line import over_a_line


def sample(kind: str, seed: str) -> Sample:
    (found,) = (one for one in KINDS if one.name == kind)
    chance = Random(seed)
    made = found.make(chance, "train")
    frames = over_a_line(made.sound, chance, noise_db=made.noise_db)
    return Sample(found, frames, made.said_until_ms, made.beep_ms)


def test_the_same_seed_is_the_same_call() -> None:
    one, two, other = (sample("fax, called", seed) for seed in ("1", "1", "2"))
    assert all((a == b).all() for a, b in zip(one.frames, two.frames, strict=True))
    assert len(one.frames) != len(other.frames)


def test_sounds_of_machines_are_judged_right() -> None:
    kinds = ("busy tone", "fax, called", "fax, calling", "silence", "noise")
    found = judge.figures(sample(kind, str(seed)) for kind in kinds for seed in range(3))
    assert found.right(KINDS) == (15, 15)
    text = judge.render(found)
    assert "right in all, first verdict: 100.0% (15 of 15)" in text
    assert "others that are taken for persons: 0.0% (0 of 15)" in text


def test_no_text_is_in_both_halves() -> None:
    for kind in ("home", "firm", "voicemail", "screening", "menu", "out_of_service"):
        for language in texts.of(kind).values():
            assert len(language) >= 2
            assert not set(language[0::2]) & set(language[1::2])


def test_a_beep_is_within_what_a_line_carries() -> None:
    for seed in range(50):
        assert 0.07 * 8000 - 1 <= len(machines.beep(Random(seed))) <= 1.5 * 8000 + 1
