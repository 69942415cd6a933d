"""Whether an INVITE may become a call: decided before a port or a model is touched.

Called on the pjsua2 thread for each INVITE. The limits are plain attributes that the app sets from
its own thread; peers, and the addresses of names, are replaced as a whole: no lock is needed.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sipua.sip.dns.names import Name
from sipua.sip.parties.policy import STRANGER, PeerPolicy
from sipua.sip.trunks.slots import Full, TrunkSlots

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


SILENT: Final = 0
"""The status of what gets no answer."""
ANYONE: Final = "anyone"
"""The origin of a call from an address that is in no trunk or account, and may call."""


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    reason: str
    retry_after_s: int = 0
    cause: str = ""
    """What is wrong with the request, for the log and the peer; no words of the peer."""
    because: str = ""
    """For the log; it is not sent to the peer."""
    rule: str = ""
    """The key of the configuration that says so."""
    unsupported: str = ""
    """The options of its Require that we do not have."""
    challenges: tuple[str, ...] = ()
    """Of a 401: the values of WWW-Authenticate."""

    @property
    def silent(self) -> bool:
        """It is not sent: the peer learns nothing."""
        return self.status == SILENT

    @property
    def asks(self) -> bool:
        """It is the first half of an authentication, which nobody needs to hear of."""
        return bool(self.challenges) and not self.because

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}
        if self.unsupported:
            headers["Unsupported"] = self.unsupported
        if self.cause:
            headers["Warning"] = f'399 sipua "{self.cause}"'  # RFC 3261 20.43
        return headers


FORBIDDEN = Refusal(403, "Forbidden")
NO_DIALOG = Refusal(481, "Call/Transaction Does Not Exist")
NO_MEDIA_PORT = Refusal(503, "No Media Port", retry_after_s=5)


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """In requests a second; 0: no limit."""

    stranger: float = 10.0
    strangers: float = 200.0
    peer: float = 200.0
    scanners: tuple[str, ...] = ()
    """In small letters: what the User-Agent of a tool that looks for victims contains."""
    answer_strangers: bool = True


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of connections that peers make by TCP and TLS. Strangers: all but trunks and accounts. 0: no
    limit."""

    per_source: int = 32
    """Of a stranger."""
    strangers: int = 256
    peers: int = 1024
    first_request_s: float = 10.0
    idle_s: float = 60.0
    rate: float = 10.0
    """New ones a second, of one stranger."""
    rate_of_all: float = 200.0


@dataclass(slots=True)
class Admission:
    """The peers that may call, and how many calls at once."""

    max_calls: int
    accept_any: bool
    traced: frozenset[str] = frozenset()
    """The trunks whose INVITEs may say which trace a call is part of."""
    policies: Mapping[str, PeerPolicy] = field(default_factory=dict)
    """Of trunks and accounts."""
    draining: bool = False
    engine_missing_s: Callable[[float], float] = lambda now: 0.0
    """How long no engine is expected; 0: one may be there."""
    worker_missing_s: Callable[[], float] = lambda: 0.0
    """How long no worker is expected; 0: one takes calls."""
    flood: FloodLimits = FloodLimits()
    connections: ConnectionLimits = ConnectionLimits()
    slots: TrunkSlots = field(default_factory=TrunkSlots)
    """How many calls each trunk has, and may have."""
    _peers: list[tuple[str, Network]] = field(default_factory=list)
    _learnt: list[tuple[str, Network]] = field(default_factory=list)
    """Where registrars have answered from."""
    _named: dict[Name, list[str]] = field(default_factory=dict)
    """The trunks and accounts of each host name."""
    _resolved: dict[Name, tuple[Network, ...]] = field(default_factory=dict)
    _certified: dict[str, frozenset[str]] = field(default_factory=dict)
    """Trunks that are known by one of these names in their certificate."""
    _anywhere: tuple[str, ...] = ()
    """Those of them that may call from any address."""

    def allow(self, name: str, networks: Iterable[Network]) -> None:
        self._peers += [(name, network) for network in networks]

    def learn(self, name: str, network: Network) -> None:
        """A registrar answers from there."""
        self._learnt = [*self._learnt, (name, network)]

    def use(self, other: Admission, unchanged: Collection[str]) -> None:
        """Take the peers and limits of another configuration. `unchanged`: accounts with the same
        registrar; where that answers from stays known.
        """
        self.max_calls, self.accept_any = other.max_calls, other.accept_any
        self._learnt = [one for one in self._learnt if one[0] in unchanged]
        self._peers, self._named = other._peers, other._named
        self._certified, self._anywhere = other._certified, other._anywhere
        self.traced, self.policies = other.traced, other.policies
        self.flood, self.connections = other.flood, other.connections
        self.slots.use(other.slots.limits)

    def allow_host(self, name: str, host: str, *, services: bool) -> None:
        """Allow an address, a network, or a name that is yet to be resolved, with its SRV records
        when `services`.
        """
        network = network_of(host)
        if network is not None:
            self.allow(name, [network])
        else:
            self._named.setdefault(Name(host.lower(), services), []).append(name)

    def allow_certified(self, name: str, certificate: Iterable[str], *, anywhere: bool) -> None:
        """This trunk must have one of these names in its certificate. `anywhere`: from whatever
        address; else from one of its own as well."""
        self._certified[name] = frozenset(certificate)
        if anywhere:
            self._anywhere = (*self._anywhere, name)

    @property
    def names(self) -> tuple[Name, ...]:
        """The names to resolve."""
        return tuple(self._named)

    def owners(self, host: Name) -> tuple[str, ...]:
        return tuple(self._named.get(host, ()))

    def resolved(self, host: Name, addresses: Iterable[str]) -> None:
        """Take the present addresses of a name; called on the resolver's thread."""
        networks = tuple(ipaddress.ip_network(address) for address in addresses)
        self._resolved = {**self._resolved, host: networks}

    def unresolved(self) -> list[str]:
        """The names without a known address: calls from them are refused."""
        return [name.host for name in self._named if not self._resolved.get(name)]

    def belongs(self, name: str, host: str) -> bool:
        """Whether this address is one of that trunk's or account's."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for owner, network in self._known() if owner == name)

    def origin(self, host: str, names: frozenset[str] = frozenset()) -> str | None:
        """The name of the trunk or account that this address belongs to. `names`: in the
        certificate of its connection, if that was checked."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        for name, network in self._known():
            if address in network and self._has_certificate(name, names):
                return name
        for trunk in self._anywhere if names else ():
            if self._has_certificate(trunk, names):
                return trunk
        return ANYONE if self.accept_any else None

    def is_peer(self, host: str, names: frozenset[str] = frozenset()) -> bool:
        """Whether that is a trunk or an account, and not anyone who may call."""
        return self.origin(host, names) not in (None, ANYONE)

    def knows(self, host: str) -> bool:
        """Whether the address is one of a trunk or an account, which may have to show a certificate
        as well."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for _, network in self._known())

    def _has_certificate(self, name: str, names: frozenset[str]) -> bool:
        """Whether it has the one that this trunk must have."""
        wanted = self._certified.get(name)
        return wanted is None or not wanted.isdisjoint(names)

    def certified(self, name: str, names: frozenset[str]) -> bool:
        """Whether this trunk is known by its certificate, and these names are in it."""
        return self.asks_certificate(name) and self._has_certificate(name, names)

    def asks_certificate(self, name: str) -> bool:
        return name in self._certified

    def policy(self, origin: str) -> PeerPolicy:
        return self.policies.get(origin, STRANGER)

    def _known(self) -> Iterator[tuple[str, Network]]:
        yield from self._peers
        yield from self._learnt
        for host, networks in self._resolved.items():
            for owner in self.owners(host):
                yield from ((owner, network) for network in networks)

    def judge(self, host: str, calls_up: int, names: frozenset[str] = frozenset()) -> str | Refusal:
        """The origin's name when the call may come in, else the refusal to send."""
        origin = self.origin(host, names)
        if origin is None:
            unresolved = ", ".join(self.unresolved())
            if unresolved:
                return dataclasses.replace(FORBIDDEN, because=f"not resolved yet: {unresolved}")
            return FORBIDDEN
        if self.draining:
            return Refusal(503, "Shutting Down", retry_after_s=30)
        worker_missing_s = self.worker_missing_s()
        if worker_missing_s > 0:
            return Refusal(503, "No Worker", math.ceil(worker_missing_s))
        if calls_up >= self.max_calls:
            return Refusal(486, "Busy Here", retry_after_s=5)
        full = self.slots.room(origin)
        return origin if full is None else refusal_of(full)

    def probe(
        self,
        host: str,
        calls_up: int,
        *,
        ports_left: bool,
        now: float,
        names: frozenset[str] = frozenset(),
    ) -> Refusal | None:
        """The answer to an OPTIONS: None (200) only when an INVITE would be accepted, else 503,
        which dispatchers understand. A peer that may not call gets that refusal and nothing more.
        """
        verdict = self.judge(host, calls_up, names)
        if isinstance(verdict, Refusal):
            if verdict.status == FORBIDDEN.status:
                return verdict
            return Refusal(503, verdict.reason, verdict.retry_after_s)
        if not ports_left:
            return NO_MEDIA_PORT
        missing_s = self.engine_missing_s(now)
        return Refusal(503, "No Engine", math.ceil(missing_s)) if missing_s > 0 else None


def refusal_of(full: Full) -> Refusal:
    """486, as with `sip.max_calls`: after a 503 some trunks do not call this edge for a while. A
    rate is another matter: in a second it is over, and 503 has a Retry-After that trunks keep.
    """
    after_s = max(1, math.ceil(full.retry_after_s))
    if full.rule == "max_calls":
        return Refusal(486, "Busy Here", after_s, because=str(full), rule=full.rule)
    return Refusal(503, "Too Many Calls", after_s, because=str(full), rule=full.rule)


def network_of(host: str) -> Network | None:
    """An address or a CIDR block as a network; None for a name."""
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        return None
