"""The closed lists that labels are made of: names of the configuration, words of ours."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Final, get_args

from sipua.bridge.answering.verdict import VERDICTS
from sipua.calls.menus.walk import By as LeftBy
from sipua.calls.steer import commands
from sipua.campaigns.rules.outcomes import OUTCOMES as OUTCOMES_OF_ATTEMPTS
from sipua.config import Config
from sipua.edge.wiring import wiring
from sipua.events.ending import By, Fault, Reason, Status
from sipua.outputs.hooks.endpoint_queue import Fate
from sipua.queue.people import PersonState
from sipua.sip.wire.verdict import FAILED, NOT_VALIDATED, PASSED, Attestation
from sipua.stir.fetch_limits import TooMany
from sipua.tools.call_queue import Outcome

EDGE: Final = "edge"
NONE: Final = "none"
"""No route, no fault."""
DIRECTIONS: Final = ("incoming", "outgoing")
STATUSES: Final = get_args(Status)
BY: Final = get_args(By)
FAULTS: Final = (*get_args(Fault), NONE)
REASONS: Final = tuple(reason.value for reason in Reason)
STAGES: Final = ("total", "endpointing", "model", "tools", "outage", "playout")
TOKENS: Final = (
    "audio_in",
    "audio_in_cached",
    "audio_out",
    "text_in",
    "text_in_cached",
    "text_out",
)
CODECS: Final = ("PCMU", "PCMA", "G722", "opus")
REFUSALS: Final = tuple(
    map(str, (400, 401, 403, 404, 420, 428, 436, 437, 438, 481, 483, 486, 488, 500, 503))
)
"""What the gate answers; where pjsip refuses first, it may be another: `other`."""
CONNECTIONS: Final = (
    "per_source", "connections", "peers", "rate", "rate_of_all", "first_request", "idle",
)  # fmt: skip
"""Why one was closed."""
NOT_FETCHED: Final = get_args(TooMany)
"""Why a certificate was not asked for."""
VERSTATS: Final = (PASSED, FAILED, NOT_VALIDATED)
ATTESTATIONS: Final = (*get_args(Attestation), NONE)
TOOL_RESULTS: Final = (*get_args(Outcome), "cancelled")
HEP_KINDS: Final = ("sip", "rtcp", "logs", "cdr")
FATES: Final = tuple(fate.value for fate in Fate)
ACTS: Final = (
    "hang_up", "transfer", "press_keys", "hold", "mute", "say", "play", "inject", "set_metadata",
    "record", "queue",
)  # fmt: skip
QUEUE_REASONS: Final = ("served", "hangup", "key", "timeout", "full", "empty", "closed", "unknown")
MEMBER_STATES: Final = get_args(PersonState)
OUTCOMES: Final = get_args(commands.Status)
ANSWERERS: Final = VERDICTS
ATTEMPT_OUTCOMES: Final = OUTCOMES_OF_ATTEMPTS
BLOCKED_BY: Final = (
    "do_not_call", "allowed_destinations", "allowed_caller_ids", "max_calls", "calls_per_second",
    "max_calls_per_day", "rest_h",
    "attempts_per_day", "attempts_per_week", "caller_id_calls_per_day",
)  # fmt: skip
MENU_ENDS: Final = get_args(LeftBy)
LEG_ENDS: Final = ("over", "failed")
"""The target was reached, or was not."""


@dataclass(frozen=True)
class Names:
    """Of the configuration."""

    origins: tuple[str, ...]
    """Trunks and accounts."""
    accounts: tuple[str, ...]
    """Those that register."""
    servers: tuple[tuple[str, str], ...]
    """Of trunks: the trunk's name, and the server's URI."""
    routes: tuple[str, ...]
    menus: tuple[str, ...]
    engines: tuple[str, ...]
    workers: tuple[str, ...]
    """As processes."""
    sinks: tuple[str, ...]
    """Databases of call records."""
    webhooks: tuple[str, ...]
    queues: tuple[str, ...]
    build: Mapping[str, tuple[str]]

    @property
    def of_servers(self) -> dict[str, tuple[str, ...]]:
        """The labels of a trunk's server."""
        trunks, uris = zip(*self.servers, strict=True) if self.servers else ((), ())
        return {"trunk": trunks, "server": uris}

    @property
    def processes(self) -> tuple[str, ...]:
        return (EDGE, *self.workers)


def worker(number: int) -> str:
    return f"worker-{number}"


def names(config: Config) -> Names:
    accounts = tuple(account.name for account in config.accounts)
    unknown = ("anyone",) if config.sip.accept == "any" else ()
    cdr = wiring.call_records(config)
    sinks = {"sqlite": cdr and cdr.sqlite, "postgres": cdr and cdr.postgres}
    return Names(
        origins=(*accounts, *(trunk.name for trunk in config.trunks), *unknown),
        accounts=accounts,
        servers=tuple((t.name, one.uri) for t in config.trunks for one in t.every_server),
        routes=(*(route.name for route in config.routes), NONE),
        menus=tuple(menu.name for menu in config.menus),
        engines=tuple(dict.fromkeys((config.engine.type, *config.engines))),
        workers=tuple(worker(number + 1) for number in range(wiring.worker_count(config))),
        sinks=tuple(sink for sink, used in sinks.items() if used),
        webhooks=tuple(hook.name for hook in config.webhooks),
        queues=tuple(queue.name for queue in config.queues),
        build={
            "version": (metadata.version("sipua"),),
            "pjsua2": (metadata.version("pjsua2-python"),),
            "python": (platform.python_version(),),
        },
    )
