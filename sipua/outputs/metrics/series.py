"""Every series of an edge, with what it says; docs/metrics.md explains them to a person."""

from __future__ import annotations

from sipua.outputs.metrics import names as known
from sipua.outputs.metrics.families import Counter, Family, Gauge, Histogram
from sipua.outputs.metrics.names import Names

_TALK_S = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_SETUP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_ANSWER_S = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)
_RATIO = (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5)
_JITTER_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
_ROUND_TRIP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1)
_LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1)


class Series:
    """Each attribute is a family."""

    def __init__(self, names: Names) -> None:
        direction = {"direction": known.DIRECTIONS}
        of_call = {**direction, "origin": names.origins, "route": names.routes}
        engine = {"engine": names.engines}

        self.calls_active = Gauge("sipua_calls_active", "Calls that ring or are up.", of_call)
        self.calls_max = Gauge("sipua_calls_max", "Calls that the edge takes at once.")
        self.calls = Counter(
            "sipua_calls",
            "Calls that have ended, by outcome and by where the fault is.",
            {**of_call, "status": known.STATUSES, "fault": known.FAULTS},
        )
        self.call_ends = Counter(
            "sipua_call_ends",
            "The same calls, by who ended them and why.",
            {"by": known.BY, "reason": known.REASONS},
        )
        self.calls_refused = Counter(
            "sipua_calls_refused",
            "INVITEs that never became a call, by the status that they got.",
            {"status": known.REFUSALS},
        )
        self.call_setup = Histogram(
            "sipua_call_setup_seconds",
            "From the INVITE to the answer.",
            _SETUP_S,
            direction,
            "seconds",
        )
        self.post_dial_delay = Histogram(
            "sipua_post_dial_delay_seconds",
            "Of a call that we place: from the INVITE to the first word of the other side.",
            _SETUP_S,
            unit="seconds",
        )
        self.talk = Histogram(
            "sipua_talk_seconds", "How long answered calls lasted.", _TALK_S, direction, "seconds"
        )
        self.first_audio = Histogram(
            "sipua_answer_to_first_audio_seconds",
            "From the answer to the first sound of the agent.",
            _ANSWER_S,
            unit="seconds",
        )
        self.answer_latency = Histogram(
            "sipua_answer_latency_seconds",
            "How long a caller who has spoken waits for the agent, in all and by stage.",
            _ANSWER_S,
            {**engine, "stage": known.STAGES},
            "seconds",
        )
        self.turns_unanswered = Counter(
            "sipua_turns_unanswered", "Callers spoke, and no answer came.", engine
        )
        self.interruptions = Counter("sipua_interruptions", "What the agent said was cut off.")
        self.tool_calls = Counter(
            "sipua_tool_calls", "Tools that the model has called.", {"result": ("ok", "failed")}
        )
        self.tool = Histogram(
            "sipua_tool_seconds", "How long tools took.", _ANSWER_S, unit="seconds"
        )
        self.transfers = Counter(
            "sipua_transfers", "Transfers that we asked for.", {"result": ("ok", "failed")}
        )
        self.commands = Counter(
            "sipua_commands",
            "Commands from outside to running calls.",
            {"act": known.ACTS, "status": known.OUTCOMES},
        )
        self.media = Counter(
            "sipua_media_negotiated", "Offers and answers, by codec.", {"codec": known.CODECS}
        )
        self.rtp_packets = Counter(
            "sipua_rtp_packets",
            "RTP packets of the calls that have ended.",
            {"direction": ("in", "out")},
        )
        self.rtp_lost = Counter(
            "sipua_rtp_packets_lost",
            "RTP packets of ended calls that never arrived: in here, or out at the other side.",
            {"direction": ("in", "out")},
        )
        self.frames_skipped = Counter(
            "sipua_frames_skipped", "Frames that could not be sent in time, of ended calls."
        )
        self.rtp_loss = Histogram(
            "sipua_rtp_loss_ratio",
            "Share of a call's packets that never came.",
            _RATIO,
            unit="ratio",
        )
        self.rtp_jitter = Histogram(
            "sipua_rtp_jitter_seconds", "Jitter of a call at its end.", _JITTER_S, unit="seconds"
        )
        self.rtp_round_trip = Histogram(
            "sipua_rtp_round_trip_seconds",
            "Round trip of a call by RTCP, at its end.",
            _ROUND_TRIP_S,
            unit="seconds",
        )
        self.engine_calls = Gauge("sipua_engine_calls", "Calls that talk with the engine.", engine)
        self.engine_attempts = Counter(
            "sipua_engine_connections",
            "Attempts to connect to an engine.",
            {**engine, "result": ("ok", "failed")},
        )
        self.engine_outages = Counter(
            "sipua_engine_outages", "Sessions lost in mid-call; another one is made.", engine
        )
        self.engine_gone = Counter(
            "sipua_engine_gone", "Calls that found no session at all.", engine
        )
        self.fallbacks = Counter("sipua_fallbacks", "Steps of fallbacks that were taken.")
        self.tokens = Counter(
            "sipua_tokens", "What engines have counted.", {**engine, "kind": known.TOKENS}
        )
        self.cost = Counter("sipua_cost", "What answers cost, in the currency of `prices`.", engine)
        self.registration_up = Gauge(
            "sipua_registration_up",
            "1: the registrar knows us.",
            {"account": names.accounts},
        )
        self.names_resolved = Gauge(
            "sipua_origin_resolved",
            "0: the last look-up of a host name of this trunk or account failed.",
            {"origin": names.origins},
        )
        self.workers_up = Gauge("sipua_workers", "Workers that take calls.")
        self.worker_deaths = Counter("sipua_worker_deaths", "Workers that died with their calls.")
        self.events_lost = Counter("sipua_events_lost", "Events that a worker could not pass on.")
        self.draining = Gauge("sipua_draining", "1: no new calls are taken.")
        self.signalling_lost = Counter("sipua_signalling_lost", "Signalling hung or ended.")
        self.loop_lag = Histogram(
            "sipua_loop_lag_seconds",
            "How late the loop of the edge's own process was, four times a second.",
            _LAG_S,
            unit="seconds",
        )
        self.memory = Gauge(
            "sipua_memory_bytes",
            "Resident memory, of the edge's process and of all workers.",
            {"process": ("edge", "workers")},
            "bytes",
        )
        self.tasks = Gauge("sipua_tasks", "Tasks of asyncio.", {"process": ("edge", "workers")})
        self.ports = Gauge(
            "sipua_rtp_ports", "RTP ports, in use or at rest.", {"state": ("in_use", "resting")}
        )
        self.start_time = Gauge(
            "sipua_start_time_seconds", "When the edge began, in Unix time.", unit="seconds"
        )

    def families(self) -> list[Family]:
        return list(vars(self).values())
