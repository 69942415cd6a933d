"""When a server gets an OPTIONS, and what is told of its answer."""

import random
from collections.abc import Callable, Iterable

from sipua.sip.peer_news import ServerDown, ServerNews, ServerProbed, ServerUp
from sipua.sip.pj.thread import Timers
from sipua.sip.settings import AccountSettings
from sipua.sip.trunks.probes import Probes
from sipua.sip.trunks.servers import TrunkServers


def server(name: str, options_s: int = 10) -> AccountSettings:
    return AccountSettings(name, "", proxy=f"sip:{name}", trunk="carrier", options_s=options_s)


class Bed:
    def __init__(self, *settings: AccountSettings) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, str]] = []
        self.news: list[ServerNews] = []
        self.fails: Exception | None = None
        self._timers = Timers()
        self.servers = TrunkServers(random.Random(1))
        self.probes = Probes(
            self.servers,
            send=self._send,
            after=self._after,
            tell=self.news.append,
            now=lambda: self.now,
        )
        self.use(settings)

    def use(self, settings: Iterable[AccountSettings]) -> None:
        wanted = list(settings)
        self.servers.use(wanted)
        self.probes.use(wanted)

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._timers.at(self.now + delay_s, action)

    def _send(self, name: str) -> None:
        if self.fails is not None:
            raise self.fails
        self.sent.append((round(self.now, 2), name))

    def until(self, now: float) -> list[tuple[float, str]]:
        """What was sent up to then."""
        self.sent.clear()
        while self.now + (wait_s := self._timers.wait_s(self.now)) <= now:
            self.now += wait_s
            for action in self._timers.due(self.now):
                action()
        self.now = now
        return list(self.sent)


def test_a_server_is_asked_at_once_and_again_behind_its_answer() -> None:
    bed = Bed(server("a"), server("b"), server("never", options_s=0))
    assert bed.until(0.1) == [(0.0, "a"), (0.05, "b")]
    bed.probes.outcome("a", 200, "OK", answered=True)
    assert bed.news == [ServerUp("carrier", "sip:a", 0.1, None)]
    assert bed.until(11) == [(10.1, "a")]
    bed.probes.outcome("a", 404, "Not Found", answered=True)  # it is there
    assert bed.news[-1] == ServerProbed("carrier", "sip:a", 11 - 10.1)


def test_silence_is_told_after_four_seconds_and_its_end_when_it_comes() -> None:
    bed = Bed(server("a"))
    assert bed.until(3.9) == [(0.0, "a")]
    assert bed.news == []
    bed.until(31)
    down = ServerDown("carrier", "sip:a", "no answer to OPTIONS within 4 s", None)
    assert bed.news == [down], "pjsip repeats it; nothing else is sent"
    bed.probes.outcome("a", 408, "Request Timeout", answered=False)
    assert bed.until(36.1) == [(36.0, "a")], "sooner than one that is up"
    assert bed.news == [down]
    bed.until(40)
    bed.probes.outcome("a", 200, "OK", answered=True)
    assert bed.news[1:] == [ServerUp("carrier", "sip:a", 4.0, 36.0)]
    assert bed.until(50) == [(50.0, "a")]


def test_a_server_that_takes_no_calls_is_down() -> None:
    bed = Bed(server("a"))
    bed.until(0.1)
    bed.probes.outcome("a", 503, "Full", answered=True)
    assert bed.news == [ServerDown("carrier", "sip:a", "503 Full to OPTIONS", None)]


def test_one_that_cannot_be_sent_is_no_answer() -> None:
    bed = Bed()
    bed.fails = LookupError("its account is being changed")
    bed.use([server("a")])
    bed.until(0.1)
    (told,) = bed.news
    assert isinstance(told, ServerDown)
    assert "its account is being changed" in told.cause
    bed.fails = None
    assert bed.until(5.1) == [(5.0, "a")]


def test_a_reload_asks_those_that_are_new_and_forgets_those_that_are_gone() -> None:
    bed = Bed(server("a"), server("b"))
    bed.until(0.1)
    bed.use([server("a"), server("c")])
    assert bed.until(0.2) == [(0.15, "c")]
    bed.probes.outcome("b", 200, "OK", answered=True)
    assert bed.news == []
    bed.probes.close()
    bed.probes.outcome("a", 200, "OK", answered=True)
    assert bed.until(100) == []
    assert bed.news == []
