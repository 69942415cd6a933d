"""`/openapi.json`: the document that is in the package. `sipua/control/document.py` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from sipua.control.http.endpoint import Answer, Asked, Endpoint

NAME = "openapi.json"


class DocumentResource:
    def __init__(self) -> None:
        self._document = resources.files("sipua.control").joinpath(NAME).read_bytes()

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/openapi.json",
                "get_document",
                "This document.",
                self._show,
                None,
                {200: None},
            ),
        )

    async def _show(self, _asked: Asked) -> Answer:
        return Answer(self._document)
