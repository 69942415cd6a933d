"""What another configuration would change: each key with both values, and when it counts.

plan(running, wanted)       what a reload does, and what it leaves for a restart
effective(running, wanted)  what is in force after it: `wanted`, with what needs a restart as
                            it is
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from sipua.config.change.classes import TABLES, When
from sipua.config.change.values import LEFT_OUT, Element, Item, Order, Value, items
from sipua.config.sections.config import Config
from sipua.config.values.problems import toml_value
from sipua.log.secret_masking import MASK, mask_text

LONGEST = 160
"""Characters of a value that is shown."""


@dataclass(frozen=True, slots=True)
class Change:
    key: str
    old: str | None
    """As in the file, with secrets masked; None: it was not there."""
    new: str | None
    when: When


@dataclass(frozen=True, slots=True)
class Plan:
    changes: tuple[Change, ...] = ()

    def of(self, when: When) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.when is when)

    @property
    def acts(self) -> bool:
        """Whether anything changes without a restart."""
        return any(change.when is not When.RESTART for change in self.changes)

    def has(self, key: str) -> bool:
        return any(change.key == key for change in self.changes)


def plan(running: Config, wanted: Config) -> Plan:
    return Plan(tuple(_changes(_by_key(running), _by_key(wanted))))


def effective(running: Config, wanted: Config) -> Config:
    kept: Config = _kept(running, wanted, ())
    return kept


def _by_key(config: Config) -> dict[tuple[type, str], Item]:
    return {(type(item), item.key): item for item in items(config)}


def _changes(
    old: Mapping[tuple[type, str], Item], new: Mapping[tuple[type, str], Item]
) -> Iterator[Change]:
    """In the order of the schema; what comes or goes as a whole is one change."""
    whole: list[str] = []
    for at in dict.fromkeys((*new, *old)):
        before, after = old.get(at), new.get(at)
        if any(at[1].startswith(key) for key in whole):
            continue
        match before, after:
            case (Element() | None, Element() | None):
                if before is None or after is None:
                    one = before or after
                    assert isinstance(one, Element)
                    whole += [f"{one.key}.", f"{one.key}["]
                    yield Change(one.key, _table(before), _table(after), one.when)
            case (Order(), Order()):
                yield from _moved(before, after)
            case (Value(), Value()) if not _same(before.value, after.value):
                yield Change(before.key, _shown(before.value), _shown(after.value), before.when)


def _moved(before: Order, after: Order) -> Iterator[Change]:
    kept = set(before.names) & set(after.names)
    old, new = ([name for name in order.names if name in kept] for order in (before, after))
    if old != new:
        assert before.when is not None
        yield Change(before.key, _shown(before.names), _shown(after.names), before.when)


def _same(old: object, new: object) -> bool:
    """Python has 1 == 1.0 == True."""
    return type(old) is type(new) and old == new


def _table(element: Element | None) -> str | None:
    return None if element is None else _shown(_plain(element.model))


def _plain(model: BaseModel) -> dict[str, Any]:
    """What was given of it."""
    return {name: getattr(model, name) for name in sorted(model.model_fields_set)}


def _shown(value: object) -> str:
    if value is LEFT_OUT:
        return "(left out)"
    text = mask_text(toml_value(_masked(value)))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _masked(value: object) -> Any:
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, BaseModel):
        return _masked(_plain(value))
    if isinstance(value, dict):
        return {name: _masked(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_masked(one) for one in value]
    return value


def _kept(running: Any, wanted: Any, table: tuple[str, ...]) -> Any:
    """`wanted`, with what needs a restart from `running`. Arrays have nothing of that kind."""
    of_table = TABLES.get(".".join(table), {})
    kept: dict[str, object] = {}
    for name in type(wanted).model_fields:
        before, after = getattr(running, name), getattr(wanted, name)
        if isinstance(after, BaseModel):
            kept[name] = _kept(before, after, (*table, name))
        elif of_table is When.RESTART or (
            isinstance(of_table, Mapping) and of_table.get(name) is When.RESTART
        ):
            kept[name] = before
    changed = {name: value for name, value in kept.items() if value is not getattr(wanted, name)}
    return wanted.model_copy(update=changed) if changed else wanted
