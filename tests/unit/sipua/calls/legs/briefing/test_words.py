"""What a target says that takes a call, and what does not."""

from __future__ import annotations

import pytest

from sipua.calls.legs.briefing.words import ACCEPTING, DECLINING, Language, SpokenAnswer, plain


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("en", "Yes.", "accepted"),
        ("en", "Okay, put them through!", "accepted"),
        ("en", "No, sorry.", "declined"),
        ("en", "Don’t put them through", None),
        ("en", "Yes, but not now", None),
        ("en", "Who is it?", None),
        ("en", "Yesterday", None),
        ("en", "", None),
        ("en", "Well yes we have had that one on the line before I think", None),
        ("en", "yes " + "x" * 500, None),
        ("de", "Ja, gerne", "accepted"),
        ("de", "Nein, danke", "declined"),
        ("de", "Das ist nicht mein Gebiet", "declined"),
        ("fr", "D’accord", "accepted"),
        ("fr", "Oui !", "accepted"),
        ("es", "Sí", "accepted"),
        ("es", "SI, CLARO", "accepted"),
    ],
)
def test_a_short_answer(language: Language, text: str, wanted: str | None) -> None:
    assert SpokenAnswer(ACCEPTING[language], DECLINING[language]).of(text) == wanted


def test_phrases_of_ones_own() -> None:
    answer = SpokenAnswer(("Här är jag",), ("nej",))
    assert answer.of("Här är jag!") == "accepted"
    assert answer.of("yes") is None
    assert SpokenAnswer(("-",), ()).of("- -") is None


def test_no_phrase_is_in_both_lists() -> None:
    for language in ACCEPTING:
        both = {plain(one) for one in ACCEPTING[language]}
        assert not both & {plain(one) for one in DECLINING[language]}
