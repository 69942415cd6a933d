"""What kind of machine it is, by its words."""

import pytest

from sipua.bridge.answering.words import kind_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Please leave a message after the tone.", "voicemail"),
        ("You’ve reached Bob, I can’t come to the phone.", "voicemail"),
        ("Bitte hinterlassen Sie eine Nachricht nach dem Signalton.", "voicemail"),
        ("Deje su mensaje después de la señal.", "voicemail"),
        ("If you record your name and reason for calling, I'll see if this person is available.",
         "screening"),
        ("Please state your name after the tone.", "screening"),
        ("For English, press one.", "menu"),
        ("Für Störungen drücken Sie die zwei.", "menu"),
        ("Hello?", None),
        ("Smith and Sons, how can I help you?", None),
        ("", None),
        ("\x00" * 100_000 + "press one", None),
    ],
)  # fmt: skip
def test_kinds(text: str, kind: str | None) -> None:
    assert kind_of(text) == kind
