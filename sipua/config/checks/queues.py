"""Contradictions of queues and hours: names that do not exist, queues that nobody serves."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.checks.menus import an_action, every_action, no_queue
from sipua.config.sections.actions import QUEUE, ActionSection
from sipua.config.sections.config import Config
from sipua.config.sections.queues import QueueSection
from sipua.config.values.problems import KeyPath


def queues(config: Config) -> Iterator[Finding]:
    names: dict[str, KeyPath] = {}
    for index, queue in enumerate(config.queues):
        here: KeyPath = ("queues", index)
        first = names.setdefault(queue.name, (*here, "name"))
        if first != (*here, "name"):
            yield Finding(
                ((*here, "name"), first),
                "is the name of another queue",
                f'another name, such as "{queue.name}-2"',
            )
        yield from _servers(config, here, queue)
        for key, action in queue.keys.items():
            yield from an_action(config, (*here, "keys", key), action)
        for name in ("on_timeout", "on_full", "on_empty", "closed"):
            action = getattr(queue, name)
            if action.kinds:  # left out: the call ends
                yield from an_action(config, (*here, name), action)
        for name in ("on_full", "on_empty", "closed"):
            if getattr(queue, name).queue == queue.name:
                yield Finding(
                    ((*here, name, "queue"),),
                    "is the queue itself, which cannot take the caller",
                    "another queue, a menu, or { hang_up = true }",
                )
    for name, to in _of_tool(config).items():
        yield from no_queue(config, ("tools", "transfer", "targets", name), to)
    section = config.queue_members
    if section.pause_reasons and not section.pause_code:
        yield Finding(
            (("queue_members", "pause_reasons"),),
            "never counts: there is no `pause_code`",
            'pause_code = "*62"',
        )
    yield from _unused(config)


def _of_tool(config: Config) -> dict[str, str]:
    """The queues that the model may give a caller to."""
    targets = config.tools.transfer.targets.items()
    return {name: to.removeprefix(QUEUE) for name, to in targets if to.startswith(QUEUE)}


def _servers(config: Config, here: KeyPath, queue: QueueSection) -> Iterator[Finding]:
    if not queue.members and not queue.max_calls:
        yield Finding(
            ((*here, "max_calls"), here),
            "is missing: nobody serves the callers of this queue",
            "max_calls = 10, or [[queues.members]] with people",
        )
    if queue.on_empty.kinds and not queue.members:
        yield Finding(
            ((*here, "on_empty"), here),
            "never counts: an agent serves this queue, which has no members who sign in",
            "remove it",
        )
    if queue.members and (queue.max_calls or queue.agent):
        key = "max_calls" if queue.max_calls else "agent"
        yield Finding(
            ((*here, key), (*here, "members")),
            "stands beside members: either an agent or people serve a queue",
            "remove one of them; two queues may lead to each other by on_timeout",
        )
    routes = [route.name for route in config.routes]
    if queue.agent and queue.agent not in routes:
        listed = ", ".join(f'"{name}"' for name in routes)
        fix = f"one of {listed}" if routes else f'[[routes]] with name = "{queue.agent}"'
        yield Finding(((*here, "agent"),), f'there is no route "{queue.agent}"', fix)
    origins = [account.name for account in config.accounts]
    origins += [trunk.name for trunk in config.trunks]
    if queue.account and queue.account not in origins:
        fix = f"one of {', '.join(origins)}" if origins else "[[accounts]] or [[trunks]]"
        yield Finding(((*here, "account"),), f'there is no account or trunk "{queue.account}"', fix)
    yield from _members(here, queue)


def _members(here: KeyPath, queue: QueueSection) -> Iterator[Finding]:
    known: dict[tuple[str, str], KeyPath] = {}
    for index, member in enumerate(queue.members):
        for key in ("name", "target"):
            at: KeyPath = (*here, "members", index, key)
            first = known.setdefault((key, getattr(member, key)), at)
            if first != at:
                yield Finding((at, first), "is that of another member", "another one")


def hours(config: Config) -> Iterator[Finding]:
    used = set()
    sections = [
        *((("routes", index), one.when, one.closed) for index, one in enumerate(config.routes)),
        *((("menus", index), one.when, one.closed) for index, one in enumerate(config.menus)),
        *((("queues", index), one.when, one.closed) for index, one in enumerate(config.queues)),
    ]
    for here, when, closed in sections:
        used.add(when)
        yield from _when(config, here, when, closed)
    for name in config.hours:
        if name not in used:
            yield Finding(
                (("hours", name),),
                "is not used: no route, menu or queue names it",
                f'when = "{name}" under [[routes]]',
                "warning",
            )


def _when(config: Config, here: KeyPath, when: str, closed: ActionSection) -> Iterator[Finding]:
    if when and when not in config.hours:
        known = ", ".join(f'"{name}"' for name in config.hours)
        fix = f"one of {known}" if known else f"[hours.{when}] with zone and open"
        yield Finding(((*here, "when"),), f"there are no [hours.{when}]", fix)
    if closed.kinds and not when:
        yield Finding(
            ((*here, "closed"),),
            "never counts: there is no `when` beside it",
            'when = "office", and [hours.office]',
        )


def _unused(config: Config) -> Iterator[Finding]:
    used = {route.queue for route in config.routes}
    for steps in (config.calls.fallback, *(route.fallback for route in config.routes)):
        used |= {step.queue for step in steps}
    used |= {action.queue for _, action in every_action(config)}
    used |= set(_of_tool(config).values())
    for index, queue in enumerate(config.queues):
        if queue.name not in used and not config.api.enabled:
            yield Finding(
                (("queues", index, "name"),),
                "is not used: no route, menu, fallback or tool names it",
                f'queue = "{queue.name}" under [[routes]]',
                "warning",
            )
