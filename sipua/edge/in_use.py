"""The parts of the edge that have another configuration after a reload, all in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.calls import routes
from sipua.config import Config
from sipua.config.change.in_force import Configured, InForce
from sipua.edge.calls.edge_calls import EdgeCalls
from sipua.edge.calls.place_calls import PlaceCalls
from sipua.edge.calls.signalling_log import SignallingLog
from sipua.edge.control import EdgeControl
from sipua.edge.engine_health import EngineHealth
from sipua.edge.reload.changed import Changed
from sipua.edge.reload.webhooks import WebhooksInUse
from sipua.edge.wiring import stir, wiring
from sipua.edge.workers.supervisor import Supervisor
from sipua.log import logs
from sipua.sip.admission.admission import Admission
from sipua.sip.messages import SetAccounts
from sipua.sip.nat.told_address import SetTowards
from sipua.sip.pj.agent import SipAgent
from sipua.sip.wire.tls import SetTls
from sipua.stir.incoming import IncomingChecks

_MEGABYTE = 1_000_000


@dataclass(slots=True, kw_only=True)
class PartsInUse:
    """On the edge's loop."""

    in_force: InForce
    most_calls: int
    """That signalling can hold."""
    calls: EdgeCalls
    placing: PlaceCalls
    health: EngineHealth
    admission: Admission
    sip: SipAgent
    sip_log: SignallingLog
    supervisor: Supervisor
    webhooks: WebhooksInUse
    control: EdgeControl
    checks: IncomingChecks
    use_in_api: Callable[[], None]
    use_in_metrics: Callable[[Config], None]

    def use(self, configured: Configured) -> None:
        """The workers have it already. What fails costs one part its share, and is logged."""
        changed = Changed(self.in_force.config, configured.config, configured.last)
        self.in_force.now = configured
        faults = FaultOwner("config.failed", logs.get(), nothing)
        for part in (self._for_calls, self._for_peers, self._for_rest):
            faults.harmless("config.failed").run("reload", part, changed)

    def _for_calls(self, changed: Changed) -> None:
        config = changed.now
        self.calls.use(config, self.in_force.now.hash)
        self.placing.use(config, wiring.sip_settings(config, self.most_calls))
        self.health.use(routes.engine_names(config))
        self.sip_log.numbers = config.record.numbers

    def _for_peers(self, changed: Changed) -> None:
        config = changed.now
        max_calls = at_once(config, self.most_calls)
        # Made before a trunk requires it: its files may be gone, and then nothing is changed.
        verifier = stir.verifier(config, self.checks.verifier)
        self.admission.use(wiring.admission(config, max_calls), changed.same_accounts)
        settings = wiring.sip_settings(config, self.most_calls)
        if changed.touches("sip.networks"):
            self.sip.send(SetTowards(settings.towards))
        if changed.touches("accounts", "trunks"):
            self.sip.names_changed()
            self.sip.send(SetAccounts(settings.accounts))
        self.checks.use(verifier)
        if tls := wiring.tls_settings(config):
            self.sip.send(SetTls(tls))  # the files may have others in them, under the same names

    def _for_rest(self, changed: Changed) -> None:
        config = changed.now
        self.supervisor.memory_bytes = config.edge.worker_memory_mb * _MEGABYTE
        if changed.touches("log.level"):
            self.control.set_log_level(config.log.level)
        self.webhooks.use(config)
        self.use_in_api()
        self.use_in_metrics(config)


def at_once(config: Config, most: int) -> int:
    """How many calls may be up; `most`: that signalling can hold."""
    return min(config.sip.max_calls or most, most)
