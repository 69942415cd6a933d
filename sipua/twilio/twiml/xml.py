"""The elements of an XML document that a stranger may have written.

Size, depth and number are bounded. A document type is refused as a whole: entities, which can grow
without bound or name files, are declared in one, and TwiML has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

MOST_BYTES: Final = 65_536
MOST_ELEMENTS: Final = 1000
DEEPEST: Final = 8


class XmlError(Exception):
    """It is no document of ours; the text says why, in the words of the library or of this file."""


@dataclass(slots=True)
class Element:
    name: str
    attributes: Mapping[str, str]
    content: list[str | Element] = field(default_factory=list)

    @property
    def children(self) -> list[Element]:
        return [one for one in self.content if isinstance(one, Element)]

    @property
    def text(self) -> str:
        """Its own alone, with one blank where there is white space."""
        return " ".join("".join(one for one in self.content if isinstance(one, str)).split())

    @property
    def all_text(self) -> str:
        """And that of the elements within."""
        return " ".join(" ".join(_pieces(self)).split())


def _pieces(element: Element) -> list[str]:
    found: list[str] = []
    for one in element.content:
        found += [one] if isinstance(one, str) else _pieces(one)
    return found


def parse(document: bytes) -> Element:
    """Its root. Raises XmlError."""
    if len(document) > MOST_BYTES:
        raise XmlError(f"is longer than {MOST_BYTES} bytes")
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise XmlError(f"is not well formed: {error}") from None
    except (LookupError, ValueError) as error:  # of an encoding that is none, or that cannot be
        raise XmlError(f"has an encoding that cannot be read: {error}") from None
    assert builder.root is not None  # what is well formed has one
    return builder.root


def _refuse_document_type(*_: object) -> None:
    raise XmlError("has a document type (<!DOCTYPE …>), which is not read")


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise XmlError(f"has more than {MOST_ELEMENTS} elements")
        if len(self._open) >= DEEPEST:
            raise XmlError(f"is nested deeper than {DEEPEST} elements")
        element = Element(name, attributes)
        if self._open:
            self._open[-1].content.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._open[-1].content.append(text)
