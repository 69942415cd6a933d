"""The metrics of an edge as a reader gets them, taken apart by Prometheus' own client library."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support.calls.edge import Edge
from support.process import wait_until

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: float


def get(edge: Edge, accept: str = OPENMETRICS) -> tuple[str, str]:
    """The media type and the text."""
    url = str(edge.wait_event("metrics.listening")["url"])
    asked = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


class Scrape:
    """All of one moment. A text that is no OpenMetrics raises ValueError."""

    def __init__(self, edge: Edge) -> None:
        media_type, text = get(edge)
        assert media_type == OPENMETRICS
        self.samples = [
            Sample(sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def value(self, name: str, **labels: str) -> float:
        """The sum of those that have these labels; there must be one."""
        found = [
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert found, f"there is no {name} {labels}"
        return sum(found)


def wait_for(edge: Edge, name: str, value: float, **labels: str) -> Scrape:
    """One where it has that value: some figures come every two seconds."""

    def there() -> Scrape | None:
        scrape = Scrape(edge)
        return scrape if scrape.value(name, **labels) == value else None

    what = f"{name} {labels} = {value:g}"
    return wait_until(there, 20, what)
