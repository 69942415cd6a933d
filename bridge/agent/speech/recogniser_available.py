"""Whether a recogniser is installed, and which words it knows; without loading it."""

import importlib.util
from pathlib import Path

DICTIONARY = "en-us/cmudict-en-us.dict"


def is_installed() -> bool:
    return importlib.util.find_spec("pocketsphinx") is not None


def unknown_words(phrases: tuple[str, ...]) -> list[str]:
    """Words that the dictionary does not have: they are never recognised."""
    from pocketsphinx import get_model_path  # noqa: PLC0415 - only needed with a recogniser

    wanted = {word for phrase in phrases for word in phrase.lower().split()}
    with Path(get_model_path(DICTIONARY)).open(encoding="utf-8") as lines:
        return sorted(wanted.difference(line.partition(" ")[0] for line in lines))
