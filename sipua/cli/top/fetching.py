"""The thread that asks the API, again and again, and does what was ordered.

The screen never waits for the edge: what comes is put into a queue, and a byte wakes the screen.
When the screen itself stands, as over a dead SSH connection, the queue is full, and nothing more is
asked.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from sipua.cli.top.model import Detail, Drain, HangUp, News, Notice, Order, Snapshot, Trouble

_SELDOM: Final = 3
"""What changes slowly is asked for each third time."""
_PAGE: Final = 1000
_MOST_PAGES: Final = 3
_DETAIL: Final = "sipua top"

Asker: TypeAlias = Callable[[str, str, Any], dict[str, Any]]
"""Method, path, body or None; the answer. Raises NoAnswerError."""


class NoAnswerError(Exception):
    """The edge does not answer, or refuses; the text says why."""


class Edge:
    """One look at the edge at a time."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask
        self._looks = 0
        self._seldom: dict[str, list[Any]] = {}

    def snapshot(self) -> Snapshot:
        """Raises NoAnswerError."""
        edge = self._get("/v1/edge")
        calls, more = self._calls()
        drain = self._get("/v1/drain") if edge.get("draining") else {}
        if self._looks % _SELDOM == 0:
            self._seldom = {
                "trunks": self._get("/v1/trunks")["trunks"],
                "registrations": self._get("/v1/registrations")["registrations"],
                "workers": self._get("/v1/workers")["workers"],
                "refusals": self._get("/v1/refusals?limit=1")["refusals"],
            }
        self._looks += 1
        return Snapshot(time.time(), edge, calls, drain, more=more, **self._seldom)

    def detail(self, call_id: str) -> Detail:
        """Raises NoAnswerError."""
        path = f"/v1/calls/{quote(call_id, safe='')}"
        call = self._get(f"{path}?include=stats")
        events = self._get(f"{path}/events")["events"]
        history, _ = self._if_there(f"{path}/history")
        sip, why_not = self._if_there(f"{path}/sip")
        return Detail(time.time(), call, events, sip.get("messages", why_not), history)

    def carry_out(self, order: Order) -> Notice:
        try:
            match order:
                case HangUp(call_id):
                    path = f"/v1/calls/{quote(call_id, safe='')}/hangup"
                    self._ask("POST", path, {"detail": _DETAIL})
                    return Notice(f"{call_id} is being hung up")
                case Drain(on=True):
                    self._ask("POST", "/v1/drain", {})
                    return Notice("draining: no more calls are taken")
                case Drain():
                    self._ask("DELETE", "/v1/drain", None)
                    return Notice("calls are taken again")
        except NoAnswerError as error:
            return Notice(str(error), good=False)

    def _calls(self) -> tuple[list[Any], bool]:
        calls: list[Any] = []
        after = ""
        for _ in range(_MOST_PAGES):
            page = self._get(f"/v1/calls?state=up&limit={_PAGE}&include=stats{after}")
            calls += page["calls"]
            if not page.get("next"):
                return calls, False
            after = f"&after={page['next']}"
        return calls, True

    def _if_there(self, path: str) -> tuple[dict[str, Any], str]:
        """What is not kept, or not for this token; and why."""
        try:
            return self._get(path), ""
        except NoAnswerError as error:
            return {}, str(error)

    def _get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, None)


class Fetcher:
    def __init__(self, edge: Edge, every_s: float, wake: Callable[[], None]) -> None:
        """`wake`: there is news. It is called on the thread."""
        self._edge = edge
        self._every_s = every_s
        self._wake = wake
        self._orders: queue.Queue[Order | None] = queue.Queue(16)
        self._news: queue.Queue[News] = queue.Queue(16)
        self._looked_at = ""
        self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def order(self, order: Order) -> bool:
        """False: too many wait."""
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            return False
        return True

    def look_at(self, call_id: str) -> None:
        """Tell of this call, too; empty: of none."""
        if call_id != self._looked_at:
            self._looked_at = call_id
            with suppress(queue.Full):  # then it does not sleep anyway
                self._orders.put_nowait(None)

    def news(self) -> list[News]:
        found = []
        while True:
            try:
                found.append(self._news.get_nowait())
            except queue.Empty:
                return found

    def _run(self) -> None:
        while True:
            self._tell_all()
            try:
                order = self._orders.get(timeout=self._every_s)
            except queue.Empty:
                continue
            if order is not None:
                self._tell(self._edge.carry_out(order))

    def _tell_all(self) -> None:
        try:
            if looked_at := self._looked_at:
                self._tell(self._detail(looked_at))
            self._tell(self._edge.snapshot())
        except NoAnswerError as error:
            self._tell(Trouble(time.time(), str(error)))
        except (LookupError, TypeError, ValueError) as error:
            # Another version's answer, or no edge at all.
            text = f"the answer is not understood ({type(error).__name__}: {error})"
            self._tell(Trouble(time.time(), text))

    def _detail(self, call_id: str) -> News:
        try:
            return self._edge.detail(call_id)
        except NoAnswerError as error:
            return Notice(str(error), good=False)

    def _tell(self, news: News) -> None:
        self._news.put(news)
        self._wake()
