"""Every series of an edge, with what it says; docs/metrics.md explains them to a person."""

from __future__ import annotations

from sipua.outputs.metrics import names as known
from sipua.outputs.metrics.families import (
    Counter,
    CounterOfPairs,
    Family,
    Gauge,
    GaugeOfPairs,
    Histogram,
)
from sipua.outputs.metrics.names import Names
from sipua.outputs.metrics.output_series import OutputSeries
from sipua.process.loop_lag import LATE_S

_QUEUE_S = (1, 5, 10, 20, 30, 60, 120, 300, 600, 1200)
_TALK_S = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_SETUP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_ANSWER_S = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)
_RATIO = (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5)
_JITTER_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
_MOS = (1.5, 2, 2.5, 3, 3.3, 3.6, 3.8, 4, 4.2, 4.3, 4.4)
_ROUND_TRIP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1)


class Series:
    """Each attribute is a family, and `outputs` has more of them."""

    def __init__(self, names: Names) -> None:
        self._of_calls(names)
        self._of_queues(names)
        self._of_conversations(names)
        self._of_media(names)
        self._of_engines(names)
        self._of_the_edge(names)
        self.outputs = OutputSeries(names)

    def _of_calls(self, names: Names) -> None:
        direction = {"direction": known.DIRECTIONS}
        of_call = {**direction, "origin": names.origins, "route": names.routes}
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
        self.callers_verified = Counter(
            "sipua_callers_verified",
            "Calls whose caller was verified (STIR/SHAKEN), by what was found.",
            {"verstat": known.VERSTATS, "attest": known.ATTESTATIONS},
        )
        self.certificates_not_fetched = Counter(
            "sipua_stir_certificates_not_fetched",
            "Certificates of signers that were not asked for: too many, by of what.",
            {"reason": known.NOT_FETCHED},
        )
        self.requests_dropped = Counter(
            "sipua_sip_requests_dropped",
            "SIP requests that got no answer, by the reason.",
            {"reason": ("rate", "rate_of_all", "scanner", "stranger")},
        )
        self.connections_refused = Counter(
            "sipua_sip_connections_refused",
            "Connections by TCP and TLS that the edge has closed, by the reason.",
            {"reason": known.CONNECTIONS},
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
        self.transfers = Counter(
            "sipua_transfers", "Transfers that we asked for.", {"result": ("ok", "failed")}
        )
        self.legs = Counter(
            "sipua_legs", "Second legs that have ended, by their target.", {"state": known.LEG_ENDS}
        )
        self.legs_active = Gauge(
            "sipua_legs_active", "Second legs that are placed, ring, or are joined."
        )
        self.menus = Counter(
            "sipua_menus",
            "Menus that callers were in, by how they left them.",
            {"menu": names.menus, "by": known.MENU_ENDS},
        )
        self.answered_by = Counter(
            "sipua_answered_by",
            "Calls that we placed and that have ended, by who had answered them.",
            {"verdict": known.ANSWERERS},
        )
        self.campaign_attempts = Counter(
            "sipua_campaign_attempts",
            "Attempts of campaigns that have ended.",
            {"outcome": known.ATTEMPT_OUTCOMES},
        )
        self.campaign_abandoned = Counter(
            "sipua_campaign_abandoned",
            "Attempts that a person has answered and has heard nothing of ours in time.",
        )
        self.calls_blocked = Counter(
            "sipua_calls_blocked",
            "Calls that were to be placed, and that a rule forbids.",
            {"rule": known.BLOCKED_BY},
        )
        self.recordings = Counter(
            "sipua_recordings",
            "Recordings of calls, by what came of them.",
            {"result": ("saved", "gap", "failed", "blocked")},
        )
        self.uploads = Counter(
            "sipua_recording_uploads",
            "Recordings sent to S3: done; not at the first attempt; deleted before.",
            {"result": ("ok", "failed", "given_up")},
        )
        self.commands = Counter(
            "sipua_commands",
            "Commands from outside to running calls.",
            {"act": known.ACTS, "status": known.OUTCOMES},
        )

    def _of_queues(self, names: Names) -> None:
        queue = {"queue": names.queues}
        self.queue_waiting = Gauge("sipua_queue_waiting", "Callers who wait in a queue.", queue)
        self.queue_serving = Gauge(
            "sipua_queue_serving", "Callers of a queue who are served.", queue
        )
        self.queue_longest = Gauge(
            "sipua_queue_longest_wait_seconds",
            "How long the caller waits who has waited longest.",
            queue,
            "seconds",
        )
        self.queue_members = Gauge(
            "sipua_queue_members",
            "Members of a queue, by what they do.",
            {**queue, "state": known.MEMBER_STATES},
        )
        self.queue_left = Counter(
            "sipua_queue_left",
            "Callers who are in a queue no more, by why; hangup: they have given up.",
            {**queue, "reason": known.QUEUE_REASONS},
        )
        self.queue_wait = Histogram(
            "sipua_queue_wait_seconds",
            "How long callers waited until they were served.",
            _QUEUE_S,
            queue,
            "seconds",
        )

    def _of_conversations(self, names: Names) -> None:
        engine = {"engine": names.engines}
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
            "sipua_tool_calls", "Tools that the model has called.", {"result": known.TOOL_RESULTS}
        )
        self.tool = Histogram(
            "sipua_tool_seconds", "How long tools took.", _ANSWER_S, unit="seconds"
        )
        self.tokens = Counter(
            "sipua_tokens", "What engines have counted.", {**engine, "kind": known.TOKENS}
        )
        self.cost = Counter("sipua_cost", "What answers cost, in the currency of `prices`.", engine)

    def _of_media(self, names: Names) -> None:
        worker = {"process": names.workers}
        both_ways = {"direction": ("in", "out")}
        self.media = Counter(
            "sipua_media_negotiated", "Offers and answers, by codec.", {"codec": known.CODECS}
        )
        self.rtp_packets = Counter(
            "sipua_rtp_packets", "RTP packets that came in and went out.", both_ways
        )
        self.rtp_lost = Counter(
            "sipua_rtp_packets_lost",
            "RTP packets that never arrived: in here; out at the other side, as it said at the end "
            "of each call.",
            both_ways,
        )
        self.rtp_late = Counter(
            "sipua_rtp_packets_late",
            "RTP packets that came when they were not waited for any longer, and were dropped.",
        )
        self.rtp_refused = Counter(
            "sipua_rtp_packets_refused",
            "Datagrams of a source that is not believed, and such that are no RTP.",
        )
        self.frames_skipped = Counter(
            "sipua_frames_skipped", "Frames that were not sent, because their time had passed."
        )
        self.pacer_late = Histogram(
            "sipua_pacer_late_seconds",
            "How late each frame of ours was sent.",
            LATE_S,
            worker,
            "seconds",
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
        self.rtp_mos = Histogram(
            "sipua_rtp_mos",
            "How well a call could be heard, 1 to 4.4: in here, by what was lost or late; out at "
            "the other side, where it says so (RTCP XR).",
            _MOS,
            both_ways,
        )
        self.ports = Gauge(
            "sipua_rtp_ports",
            "Pairs of ports for RTP and RTCP, in use or at rest.",
            {"state": ("in_use", "resting")},
        )

    def _of_engines(self, names: Names) -> None:
        engine = {"engine": names.engines}
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
        self.spares = Gauge(
            "sipua_engine_spare_connections",
            "Connections to engines that wait for a call (`spare_sessions`).",
        )

    def _of_the_edge(self, names: Names) -> None:
        process = {"process": names.processes}
        worker = {"process": names.workers}
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
        self.trunk_up = GaugeOfPairs(
            "sipua_trunk_up",
            "0: this server of the trunk did not take the last call, or did not answer OPTIONS.",
            names.of_servers,
        )
        self.trunk_round_trip = GaugeOfPairs(
            "sipua_trunk_round_trip_seconds",
            "How long a server of the trunk took to answer the last OPTIONS.",
            names.of_servers,
            "seconds",
        )
        self.trunk_failovers = CounterOfPairs(
            "sipua_trunk_failovers",
            "Calls of ours that this server of the trunk did not take, and that went to the next.",
            names.of_servers,
        )
        self.workers_up = Gauge("sipua_workers", "Workers that take calls.")
        self.worker_calls = Gauge("sipua_worker_calls", "Calls that a worker carries.", worker)
        self.worker_deaths = Counter("sipua_worker_deaths", "Workers that died with their calls.")
        self.events_lost = Counter("sipua_events_lost", "Events that a worker could not pass on.")
        self.draining = Gauge("sipua_draining", "1: no new calls are taken.")
        self.transactions = Gauge(
            "sipua_sip_transactions", "Transactions of SIP: each is kept for 32 s at most."
        )
        self.dialogs = Gauge("sipua_sip_dialogs", "Dialogs of SIP: one for each leg of a call.")
        self.signalling_lost = Counter("sipua_signalling_lost", "Signalling hung or ended.")
        self.loop_lag = Histogram(
            "sipua_loop_lag_seconds",
            "How late the loop of a process was, four times a second.",
            LATE_S,
            process,
            "seconds",
        )
        self.cpu = Counter(
            "sipua_cpu_seconds", "Processor time of a process.", process, unit="seconds"
        )
        self.memory = Gauge(
            "sipua_memory_bytes", "Resident memory of a process.", process, unit="bytes"
        )
        self.descriptors = Gauge("sipua_descriptors", "Open descriptors of a process.", process)
        self.tasks = Gauge("sipua_tasks", "Tasks of asyncio.", process)
        self.start_time = Gauge(
            "sipua_start_time_seconds", "When the edge began, in Unix time.", unit="seconds"
        )
        self.tls_certificate_end = Gauge(
            "sipua_tls_certificate_end_seconds",
            "When our certificate of SIP over TLS expires, in Unix time.",
            unit="seconds",
        )
        self.config_info = Gauge(
            "sipua_config_info", "1, with the hash of the configuration in force.", {"hash": ()}
        )
        self.config_reloads = Counter(
            "sipua_config_reloads",
            "Reloads: of a configuration that is in force now, or was refused.",
            {"result": ("ok", "refused")},
        )
        self.build_info = Gauge("sipua_build_info", "1, with what runs.", names.build)

    def learn(self, names: Names) -> None:
        """Those of a configuration that has been reloaded; the earlier ones stay."""
        for family in self.families():
            family.learn(
                {
                    "origin": names.origins,
                    "route": names.routes,
                    "menu": names.menus,
                    "engine": names.engines,
                    "account": names.accounts,
                    "webhook": names.webhooks,
                    "queue": names.queues,
                    **names.of_servers,
                }
            )
        self.expect(names)

    def expect(self, names: Names) -> None:
        """Servers that nothing is known of yet."""
        for server in names.servers:
            self.trunk_up.expect(1, *server)
            self.trunk_failovers.expect(*server)

    def families(self) -> list[Family]:
        own = [one for one in vars(self).values() if one is not self.outputs]
        return [*own, *self.outputs.families()]
