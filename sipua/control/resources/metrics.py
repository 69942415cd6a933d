"""The metrics, for who asks the API and not the port that has them alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sipua.control.http.endpoint import METRICS, Answer, Asked, Endpoint
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right

MetricsPage: TypeAlias = Callable[[str, float], tuple[str, bytes]]
"""The media type and the text, for the header Accept, and now."""


class MetricsResource:
    def __init__(self, page: MetricsPage | None) -> None:
        """None: nothing is counted."""
        self._page = page

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/metrics",
                "get_metrics",
                "The metrics, as `metrics.port` has them without a token.",
                self._metrics,
                Right.READONLY,
                {200: None},
                problems=(Kind.NOT_FOUND,),
                media_type=METRICS,
            ),
        )

    async def _metrics(self, asked: Asked) -> Answer:
        if self._page is None:
            raise ProblemError(Kind.NOT_FOUND, "`metrics.enabled` is false")
        accept = asked.request.headers.get("Accept", "")
        media_type, text = self._page(accept, time.monotonic())
        return Answer(text, headers={"Content-Type": media_type})
