"""What is looked at: sums over workers that come and go."""

from __future__ import annotations

from dataclasses import replace

from sipua.config import Config
from sipua.outputs.metrics.names import Names, names
from sipua.outputs.metrics.sampling import Sampling, SinkState, Views, WebhookState
from sipua.outputs.metrics.series import Series
from sipua.process.loop_lag import LATE_S
from sipua.rtp.session.traffic import Traffic
from sipua.worker.link.messages import Figures

NO_ROW = (0.0,) * (len(LATE_S) + 2)
FIGURES = Figures(1.5, 20, 1, Traffic(100, 90, 2, 1, 5, 3), (4.0, *NO_ROW[1:-1], 0.5), NO_ROW)


class Edge:
    """What there is to look at."""

    def __init__(self) -> None:
        self.known: Names = names(Config.model_validate({"edge": {"workers": 2}}))
        self.series = Series(self.known)
        self.workers = [{"worker": 1, "pid": 7, "calls": 3, "tasks": 9, "memory_mb": 40}]
        self.figures = {(1, 7): FIGURES}
        self.hook = WebhookState("crm", True, 4, 10, 2, {"delivered": 5})
        self.hep: dict[str, int] = {}
        views = Views(
            workers=lambda: self.workers,
            figures=lambda: self.figures,
            ports=lambda: {"in_use": 3, "resting": 1},
            sinks=lambda: [SinkState("sqlite", 7.0, 100)],
            webhooks=lambda: [self.hook],
            hep=lambda: self.hep,
        )
        self.sampling = Sampling(self.series, self.known, views)

    def packets(self) -> dict[str, float]:
        return {
            labels[0][1]: value for _, labels, value in self.series.rtp_packets.samples() if labels
        }


async def test_figures_are_added_once() -> None:
    edge = Edge()
    edge.sampling.look()
    edge.sampling.look()
    assert edge.packets() == {"in": 90, "out": 100}
    edge.figures = {(1, 7): replace(FIGURES, traffic=Traffic(110, 95, 2, 1, 5, 3))}
    edge.sampling.look()
    assert edge.packets() == {"in": 95, "out": 110}
    rows = {
        labels[0][1]: value
        for suffix, labels, value in edge.series.loop_lag.samples()
        if suffix == "_sum"
    }
    assert rows["worker-1"] == 0.5


async def test_a_worker_in_anothers_place_counts_anew() -> None:
    edge = Edge()
    edge.sampling.look()
    edge.workers, edge.figures = [], {}
    edge.sampling.look()
    assert edge.packets() == {"in": 90, "out": 100}
    calls = {labels[0][1]: value for _, labels, value in edge.series.worker_calls.samples()}
    assert calls == {"worker-1": 0, "worker-2": 0}
    edge.figures = {(1, 8): replace(FIGURES, traffic=Traffic(1, 1, 0, 0, 0, 0))}
    edge.sampling.look()
    assert edge.packets() == {"in": 91, "out": 101}


async def test_backlogs_are_shown_and_a_name_that_is_not_known_is_other() -> None:
    edge = Edge()
    edge.sampling.look()
    edge.hook = replace(edge.hook, dropped=3, attempts={"delivered": 9, "later": 1})
    edge.sampling.look()
    assert [value for *_, value in edge.series.outputs.sink_lag.samples()] == [7.0]
    attempts = {
        labels[1][1]: value for _, labels, value in edge.series.outputs.webhook_attempts.samples()
    }
    assert attempts == {"delivered": 9, "later": 1}
    (dropped,) = edge.series.outputs.webhook_dropped.samples()
    assert dropped[1:] == ((("webhook", "other"),), 3)


async def test_what_is_sent_to_homer_and_what_is_lost() -> None:
    edge = Edge()
    edge.sampling.look()
    assert [value for *_, value in edge.series.outputs.hep_up.samples()] == [0]
    edge.hep = {"sent_sip": 5, "sent_logs": 2, "dropped": 1, "failed": 2, "refused": 9, "up": 1}
    edge.sampling.look()
    edge.hep = {**edge.hep, "sent_sip": 6}
    edge.sampling.look()
    sent = {labels[0][1]: value for _, labels, value in edge.series.outputs.hep_packets.samples()}
    assert sent.items() >= {"sip": 6, "logs": 2}.items()
    assert [value for *_, value in edge.series.outputs.hep_lost.samples()] == [3]
    assert [value for *_, value in edge.series.outputs.hep_up.samples()] == [1]
