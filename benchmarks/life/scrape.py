"""What an edge in a life says of itself: its metrics, its calls, and its spool of webhooks."""

from __future__ import annotations

import json
import math
import re
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from sipua.bench.life.config import TOKEN, Ports
from sipua.bench.load.edge import HOST
from sipua.bench.results.soak import Figure

_LINE = re.compile(r"^(sipua_\w+)(?:\{([^}]*)\})? ([0-9.eE+-]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_WAIT_S = 10.0
_MOST_CALLS = 1000
"""Of a page, and of a life."""
_FIGURES: Mapping[str, Figure] = {
    "sipua_legs_active": "legs",
    "sipua_webhook_waiting": "waiting",
    "sipua_sip_transactions": "transactions",
    "sipua_sip_dialogs": "dialogs",
}
_LAG = "sipua_loop_lag_seconds_bucket"


class Scrape:
    def __init__(self, ports: Ports, spool: Path) -> None:
        self._url = f"http://{HOST}:{ports.api}"
        self._spool = spool
        self._lags: dict[str, dict[float, float]] = {}
        self.lag_ms: defaultdict[str, list[float]] = defaultdict(list)
        """Of each process: the bound of the longest lag since the time before."""

    def look(self) -> Mapping[Figure, float]:
        """Figures of the edge's process."""
        text = self._text("/metrics")
        lags: defaultdict[str, dict[float, float]] = defaultdict(dict)
        found: dict[Figure, float] = {"spool_mb": _mb(self._spool)}
        for name, labels, value in _LINE.findall(text):
            if name == _LAG:
                told = dict(_LABEL.findall(labels))
                lags[told["process"]][float(told["le"].replace("+Inf", "inf"))] = float(value)
            elif figure := _FIGURES.get(name):
                found[figure] = found.get(figure, 0) + float(value)
        for process, buckets in lags.items():
            self.lag_ms[process].append(longest_ms(self._lags.get(process, {}), buckets))
        self._lags = dict(lags)
        return found if text else {}

    def calls_elsewhere(self, worker: int) -> frozenset[str]:
        """The calls that other workers have, by their Call-ID; none where the API does not say."""
        text = self._text(f"/v1/calls?limit={_MOST_CALLS}")
        calls = json.loads(text)["calls"] if text else ()
        return frozenset(one["sip_call_id"] for one in calls if one["worker"] != worker)

    def _text(self, path: str) -> str:
        """Empty: there was no answer."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(self._url + path, headers=headers)  # noqa: S310 (http)
        try:
            with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:  # noqa: S310
                return str(answer.read().decode())
        except OSError:
            return ""


def longest_ms(before: Mapping[float, float], now: Mapping[float, float]) -> float:
    """The bound of the highest bucket that has got something; that of the last but one where there
    is none above."""
    bounds = sorted(now)
    highest, below = 0.0, 0.0
    for bound in bounds:
        in_all = now[bound] - before.get(bound, 0)
        if in_all > below:
            highest = bound
        below = max(below, in_all)
    if math.isinf(highest):
        highest = bounds[-2] if len(bounds) > 1 else 0.0
    return round(1000 * highest, 3)


def _mb(folder: Path) -> float:
    if not folder.is_dir():
        return 0.0
    sizes = 0
    for file in folder.rglob("*"):
        try:
            sizes += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue  # it was deleted meanwhile
    return round(sizes / 1e6, 3)
