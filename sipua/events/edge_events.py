"""The events of the edge itself, and of those who call it without becoming a call."""

from __future__ import annotations

from sipua.events.event import Event, Level


class Listening(Event, tag="edge.listening"):
    """The edge takes calls."""

    sip: str
    transports: list[str]
    rtp_hosts: list[str]
    rtp_ports: str
    engine: str
    engine_host: str
    max_calls: int
    workers: list[int]
    """Process numbers."""
    pjsua2: str
    production: bool
    config: str
    """The hash of its configuration."""


class Warned(Event, tag="edge.warning"):
    """A finding about this machine or build, at the start."""

    LEVEL = "warning"
    about: str
    value: str
    fix: str


class RecordingFetched(Event, tag="recording.fetched"):
    """The recording of a call was given to somebody, by the API."""

    of_call: str
    file: str
    by: str
    """The name of a token."""


class ConfigReloaded(Event, tag="config.reloaded"):
    """The configuration was read again. Calls that are up keep the one that they began with."""

    hash: str
    """Of what is in force now; it has no secrets."""
    secrets: str
    """Another one when a secret has changed; to be compared within this run of the edge."""
    generation: int
    """Configurations since the start."""
    file: str
    by: str
    """The name of a token, or `SIGHUP`."""
    plan: dict[str, list[str]]
    """The keys that have changed: `applied`, `for_new_calls`, `needs_restart`."""


class ConfigRefused(Event, tag="config.refused"):
    """The configuration was read again and cannot be used: nothing has changed."""

    LEVEL = "error"
    file: str
    by: str
    cause: str
    problems: list[dict[str, str]]
    """Of each its `key`, `problem`, `fix`, and `where` it is."""
    fix: str


class ApiRequest(Event, tag="api.request", rename={"from_": "from"}):
    """A request of the API that changes something, or that was refused; told when there is an
    audit log."""

    by: str
    """The name of the token; empty: none is known."""
    right: str
    from_: str
    """The address of the peer."""
    local_user: str | None
    """Whose process it is; null: of another machine, or not known."""
    operation: str
    """As in the OpenAPI document."""
    method: str
    path: str
    given: list[str]
    """The names of the fields in its body."""
    status: int | None
    """Null: the client has gone before the answer; it may be done all the same."""
    problem: str | None = None
    kept_back: int | None = None
    """Refused requests that were not told since the last one."""


class Draining(Event, tag="edge.draining"):
    """No new calls are taken; those that are up may end within `drain_s`."""

    calls: int
    drain_s: float | None
    """None: they are not hung up."""


class DrainEnded(Event, tag="edge.drain_ended"):
    """The operator has taken it back: calls are taken again."""

    calls: int


class Stopped(Event, tag="edge.stopped"):
    """It has ended what it could. The ends of calls that were still up may follow."""


class SignallingLost(Event, tag="edge.signalling_lost"):
    """The process ends: signalling hangs, or has ended."""

    LEVEL = "error"
    error: str
    calls: int
    exit_code: int
    fix: str


class CallRejected(Event, tag="call.rejected", rename={"from_": "from"}):
    """An INVITE that never became a call."""

    LEVEL = "warning"
    status: int
    reason: str
    sip_call_id: str
    from_: str | None
    to: str
    source: str
    cause: str | None = None
    """What was wrong with it, where the status does not say it."""
    origin: str | None = None
    """The trunk or account that it came by, as far as that is known."""
    rule: str | None = None
    """The key of the configuration that refuses it, where it is one."""
    altered: list[str] | None = None
    kept_back: int | None = None
    """Rejections since the last one that were not told."""
    kept_back_statuses: dict[str, int] | None = None
    """How many of them had which status."""


class CallBlocked(Event, tag="call.blocked"):
    """A call that was to be placed, and may not be: a rule of the configuration forbids it."""

    LEVEL = "warning"
    origin: str
    """The trunk or account; empty: straight to a host."""
    rule: str
    """The key of the trunk; `do_not_call`; of a campaign also a key of `outbound`."""
    limit: int | None = None
    cause: str | None = None
    by: str | None = None
    """The name of the token, or the campaign."""
    number: str | None = None
    """As far as `record.numbers` allows it."""


class ReferRefused(Event, tag="refer.refused"):
    """A REFER that is of no call."""

    LEVEL = "warning"
    target: str
    status: int
    rule: str
    source: str


class RequestsDropped(Event, tag="sip.dropped"):
    """Requests that got no answer: the first one at once, then the sum of each ten seconds."""

    LEVEL = "warning"
    counts: dict[str, int]
    """By the reason: `rate` (of one address), `rate_of_all` (of all strangers), `scanner`,
    `stranger` (`admission.answer_strangers` is false)."""
    source: str
    """The address of one of them."""


class ConnectionsRefused(Event, tag="sip.connections_refused"):
    """Connections by TCP and TLS that the edge has closed: the first one at once, then the sum of
    each ten seconds."""

    LEVEL = "warning"
    counts: dict[str, int]
    """By the reason: `per_source`, `connections`, `peers` (no room: the keys of `admission`),
    `rate`, `rate_of_all` (too many in a second), `first_request`, `idle` (its time was over)."""
    source: str
    """The address of one of them."""


class CertificatesNotFetched(Event, tag="stir.not_fetched"):
    """Certificates of signers that were not asked for, so that callers cannot make the edge flood
    others: the first one at once, then the sum of each ten seconds."""

    LEVEL = "warning"
    counts: dict[str, int]
    """By the reason: `host`, `all` (so many at once), `host_rate`, `address_rate`, `rate_of_all`
    (too many in a second)."""
    source: str
    """The host of one of them, or its address."""


class RejectionsKeptBack(Event, tag="call.rejections_not_logged"):
    LEVEL = "warning"
    count: int
    statuses: dict[str, int]
    """How many had which."""


class RegistrationOk(Event, tag="registration.ok"):
    account: str
    registrar: str
    expires_s: int


class RegistrationFailed(Event, tag="registration.failed"):
    account: str
    registrar: str
    status: int
    reason: str
    retry_in_s: float | None
    """None: it is not tried again."""
    fix: str
    meanwhile: str | None = None
    """Another registrar, which has the account."""

    @property
    def level(self) -> Level:
        return "warning" if self.meanwhile else "error"


class RegistrationWaiting(Event, tag="registration.waiting"):
    """A REGISTER is not answered yet."""

    LEVEL = "warning"
    account: str
    registrar: str
    waited_s: float
    fix: str = (
        "nothing to do yet: the attempt is repeated; if it keeps failing, check that the "
        "registrar is up, and its address and port"
    )
    meanwhile: str | None = None


class RegistrationRemoved(Event, tag="registration.removed"):
    account: str
    registrar: str
    meanwhile: str | None = None


class PublicAddress(Event, tag="edge.public_address"):
    """A STUN server says how we are reached: registrations and new calls name this address."""

    address: str
    before: str | None
    """Until now; None: none was known."""
    server: str


class PublicAddressUnknown(Event, tag="edge.public_address_unknown"):
    """No STUN server has said it; what was known before holds. Told once, until one answers."""

    LEVEL = "error"
    address: str | None
    cause: str
    servers: list[str]
    fix: str = (
        "check `sip.stun_servers`, and that UDP to them passes the firewall; or set "
        "`sip.public_address`. Without either, peers outside hear nothing and are not heard"
    )


class TrunkResolved(Event, tag="trunk.resolved"):
    """The host name of a trunk or an account stands for these addresses now."""

    origin: str
    name: str
    addresses: list[str]
    next_in_s: int


class TrunkUnresolved(Event, tag="trunk.unresolved"):
    """A look-up failed; the addresses that were found before hold."""

    LEVEL = "warning"
    origin: str
    name: str
    addresses: list[str]
    next_in_s: int
    cause: str
    fix: str


class TrunkUp(Event, tag="trunk.up"):
    """A server of a trunk answers: for the first time, or again."""

    trunk: str
    server: str
    round_trip_ms: float | None = None
    """Of an OPTIONS; missing: it has answered a call."""
    down_s: float | None = None
    """How long it was down; missing: it was not."""


class TrunkDown(Event, tag="trunk.down"):
    """A server of a trunk does not answer, or takes no calls: calls go to the other ones."""

    LEVEL = "error"
    trunk: str
    server: str
    cause: str
    again_in_s: float | None
    """Calls leave it out so long; None: until it answers OPTIONS."""
    fix: str = (
        "nothing while another server of the trunk is up; else ask the provider, and check the "
        "address, the transport and a firewall in between"
    )


class TrunkProbed(Event, tag="trunk.probed"):
    """A server of a trunk has answered an OPTIONS, as it did the last time."""

    LEVEL = "debug"
    trunk: str
    server: str
    round_trip_ms: float


class WorkerReady(Event, tag="worker.ready"):
    """A worker takes calls."""

    worker: int
    pid: int
    at_start: bool
    """False: it takes the place of one that died."""
    nice: int
    """Its priority on a busy machine: -10 where the system allows that, else the edge's."""

    @property
    def level(self) -> Level:
        return "debug" if self.at_start else "info"  # `edge.listening` has them all


class WorkerDied(Event, tag="worker.died"):
    LEVEL = "error"
    worker: int
    cause: str
    calls: int
    """The calls that it had, and that end with it."""
    deaths: int
    next_in_s: float
    fix: str


class WorkersHopeless(Event, tag="workers.hopeless"):
    """The process ends: every worker dies at its start."""

    LEVEL = "error"
    error: str
    exit_code: int
    fix: str


class EventsLost(Event, tag="events.lost"):
    """Events of calls that a worker could not pass on; the log has their lines."""

    LEVEL = "warning"
    worker: int
    count: int
