"""What every event is.

An event has no time, number or call: `Teller` and the stream of the edge add these. Its fields are
those of its line in the log. Fields may be added without a new version; none changes its meaning,
and none is taken away (docs/events.md).
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["debug", "info", "warning", "error"]


class Event(msgspec.Struct, tag_field="type"):
    LEVEL: ClassVar[Level] = "info"

    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def level(self) -> Level:
        """Of its line in the log."""
        return self.LEVEL

    def fields(self) -> dict[str, Any]:
        """Its fields as JSON has them; one that may be missing, and is None, is missing."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        del fields["type"]
        for name in _optional(type(self)):
            if fields[name] is None:
                del fields[name]
        return fields


@cache
def _optional(kind: type[Event]) -> tuple[str, ...]:
    every = msgspec.structs.fields(kind)
    return tuple(field.encode_name for field in every if field.default is None)
