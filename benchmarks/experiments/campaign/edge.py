"""The edge that calls, and what is asked of it."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sipua.bench.common.errors import BenchError
from sipua.bench.experiments.campaign import cast
from sipua.bench.experiments.campaign.cast import Cast
from sipua.bench.experiments.campaign.people import HOST, People, free_port
from sipua.bench.load.edge import Edge

_TOKEN: Final = "of-a-benchmark-and-of-nothing-else"  # noqa: S105
_GONE_S: Final = 10.0
_SENT_S: Final = 0.3
_PAGE: Final = 1000


def tables(folder: Path, plan: Cast, trunks: Sequence[People], api: int) -> str:
    """The part of the configuration that is about calls of ours."""
    far = {one.trunk: one.port for one in trunks}
    # The share of abandoned calls is reported; a machine that is busy with SIPp as well must not
    # end the run.
    first = (
        f'[cdr]\ndirectory = "{folder / "cdr"}"\n\n'
        f"[api]\nenabled = true\nport = {api}\n\n"
        f'[[api.tokens]]\nname = "bench"\ntoken_file = "{_token_file(folder)}"\nright = "admin"\n'
        'place = { prefixes = ["1"], max_calls = 1000, per_minute = 60000 }\n\n'
        f'[outbound]\ndirectory = "{folder / "outbound"}"\n'
        'hours = ["mon-sun 00:00-24:00"]\ntimezone = "UTC"\n'
        f"max_calls = {plan.max_calls}\ncalls_per_second = {plan.calls_per_second}\n"
        f"attempts_per_day = {cast.ATTEMPTS_PER_DAY}\n"
        "abandoned_percent = 100\n\n"
    )
    parts = [
        f'[[trunks]]\nname = "{one.name}"\nhosts = ["192.0.2.{at}"]\n'
        f'proxy = "sip:{HOST}:{far[one.name]}"\nmax_calls = {one.max_calls}\n'
        f'allowed_destinations = ["1*", "!{cast.FORBIDDEN}*"]\n\n'
        for at, one in enumerate(plan.trunks, 1)
    ]
    return first + "".join(parts)


def _token_file(folder: Path) -> Path:
    file = folder / "token"
    file.touch(0o600)
    file.write_text(_TOKEN)
    return file


class CallingEdge:
    """Is started, killed, and started again, with the same folder of campaigns."""

    def __init__(self, folder: Path, plan: Cast, trunks: Sequence[People]) -> None:
        self._folder = folder
        self._plan = plan
        self._trunks = trunks
        self._runs: list[Edge] = []
        self._api = 0

    def start(self) -> None:
        home = self._folder / f"run-{len(self._runs) + 1}"
        home.mkdir()
        self._api = free_port(tcp=True)
        outputs = tables(self._folder, self._plan, self._trunks, self._api)
        self._runs.append(Edge(home, workers=1, sessions=200, outputs=outputs))
        self._runs[-1].wait_listening()

    def kill(self) -> float:
        """As `kill -9`; when all that it has sent was received."""
        os.kill(self._runs[-1].pid, signal.SIGKILL)
        self._runs[-1].close()
        time.sleep(_SENT_S)
        return time.time()

    def close(self) -> None:
        for one in self._runs:
            one.close()

    def faults(self) -> Mapping[str, int]:
        """Warnings and errors of its last run."""
        return self._runs[-1].faults()

    def ask(self, path: str, body: object = None) -> Any:
        """Raises BenchError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}
        url = f"http://{HOST}:{self._api}{path}"
        request = urllib.request.Request(url, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=_GONE_S) as answer:  # noqa: S310 (http)
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise BenchError(f"{path}: {error.read().decode(errors='replace')[:500]}") from None
        except OSError as error:
            raise BenchError(f"{path}: {error}") from None

    def contacts(self, campaign: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        after = "0"
        while after:
            path = f"/v1/campaigns/{campaign}/contacts?limit={_PAGE}&after={after}"
            page = self.ask(path)
            found += page["contacts"]
            after = page.get("next") or ""
        return found
