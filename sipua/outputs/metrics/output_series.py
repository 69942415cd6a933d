"""The series of what is made of events: call records, webhooks, Homer."""

from __future__ import annotations

from sipua.outputs.metrics import names as known
from sipua.outputs.metrics.families import Counter, Family, Gauge
from sipua.outputs.metrics.names import Names


class OutputSeries:
    """Each attribute is a family."""

    def __init__(self, names: Names) -> None:
        webhook = {"webhook": names.webhooks}
        sink = {"sink": names.sinks}
        self.sink_lag = Gauge(
            "sipua_cdr_sink_lag_seconds",
            "For how long a database has not had all call records; 0: it has them.",
            sink,
            "seconds",
        )
        self.sink_behind = Gauge(
            "sipua_cdr_sink_behind_bytes",
            "Call records on disk that a database does not have yet.",
            sink,
            "bytes",
        )
        self.webhook_attempts = Counter(
            "sipua_webhook_attempts",
            "Attempts to send an event: taken, to be sent again, or given up.",
            {**webhook, "result": known.FATES},
        )
        self.webhook_waiting = Gauge(
            "sipua_webhook_waiting", "Events that wait for their receiver.", webhook
        )
        self.webhook_dead = Gauge(
            "sipua_webhook_dead_bytes",
            "Dead letters: events that were given up, and are kept to be sent again.",
            webhook,
            "bytes",
        )
        self.webhook_dropped = Counter(
            "sipua_webhook_dropped", "Events that a receiver will never get.", webhook
        )
        self.webhook_up = Gauge(
            "sipua_webhook_up",
            "0: three attempts in a row have failed, or it is disabled.",
            webhook,
        )
        self.hep_packets = Counter(
            "sipua_hep_packets", "Packets that were sent to Homer.", {"kind": known.HEP_KINDS}
        )
        self.hep_lost = Counter(
            "sipua_hep_lost", "What Homer will never get: no room, or it could not be sent."
        )
        self.hep_up = Gauge(
            "sipua_hep_up", "1: packets for Homer can leave. UDP is not told whether they arrive."
        )

    def families(self) -> list[Family]:
        return list(vars(self).values())
