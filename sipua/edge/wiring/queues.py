"""From the configuration to the queues of the edge."""

from __future__ import annotations

from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.config.sections.queues import QueueSection
from sipua.edge.wiring import wiring
from sipua.queue.settings import Member, QueueSettings

_LOCAL = ("", 0)


def queues(config: Config) -> list[QueueSettings]:
    return [_queue(config, section) for section in config.queues]


def _queue(config: Config, section: QueueSection) -> QueueSettings:
    return QueueSettings(
        name=section.name,
        max_calls=section.max_calls,
        members=tuple(
            Member(one.name, _uri(config, section.account, one.target), one.signed_in)
            for one in section.members
        ),
        strategy=section.strategy,
        ring_s=section.ring_s,
        wrap_up_s=section.wrap_up_s,
        retry_s=section.retry_s,
        account=section.account,
        max_callers=section.max_callers,
        leaves_empty=bool(section.on_empty.kinds),
    )


def _uri(config: Config, account: str, target: str) -> str:
    """A number is one of the account; without an account the call says whose it is."""
    return target_uri(target, wiring.peer_of(config, account, _LOCAL)) if account else target
