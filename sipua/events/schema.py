"""The JSON schema of all events, made from their types: `python -m sipua.events.schema`.

It is kept in `events.schema.json` beside this file, so that it is installed with the program.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from sipua.events import (
    call_events,
    edge_events,
    ended,
    engine_events,
    media_events,
    menu_events,
    outbound_events,
    park_events,
    queue_events,
    recording_events,
    refer_events,
    supervise_events,
    tls_events,
    webhook_events,
)
from sipua.events.event import Event

TITLE = "An event of sipua: a CloudEvent (1.0) in its structured JSON form"


def kinds(module: object) -> list[type[Event]]:
    """The types of events that this module has, in its order."""
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
    ]


CALL_EVENTS = [
    kind
    for module in (
        call_events,
        media_events,
        menu_events,
        queue_events,
        recording_events,
        refer_events,
        supervise_events,
        park_events,
        ended,
        engine_events,
    )
    for kind in kinds(module)
]
EDGE_EVENTS = [
    *kinds(edge_events),
    *kinds(tls_events),
    *kinds(outbound_events),
    *kinds(webhook_events),
]


def name(kind: type[Event]) -> str:
    """The `type` of its events."""
    return str(kind.__struct_config__.tag)


def schema() -> dict[str, Any]:
    """A type that is not in it is valid: a later version may have it."""
    types, components = msgspec.json.schema_components(
        [*CALL_EVENTS, *EDGE_EVENTS], ref_template="#/$defs/{name}"
    )
    for kind in CALL_EVENTS + EDGE_EVENTS:
        data = components[kind.__name__]
        del data["properties"]["type"]  # it stands in the envelope
        data["required"].remove("type")
        data["title"] = name(kind)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1},
            "source": {"type": "string", "format": "uri-reference"},
            "type": {"type": "string", "minLength": 1},
            "time": {"type": "string", "format": "date-time"},
            "subject": {"type": "string", "description": "The call id."},
            "traceparent": {"type": "string", "description": "The call in its trace."},
            "sequence": {"type": "string", "pattern": "^[0-9]{12,}$"},
            "datacontenttype": {"const": "application/json"},
            "data": {"type": "object"},
        },
        "required": [
            *("specversion", "id", "source", "type", "time", "sequence"),
            *("datacontenttype", "data"),
        ],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name(kind)}}},
                "then": {
                    "properties": {"data": reference},
                    **({"required": ["subject"]} if kind in CALL_EVENTS else {}),
                },
            }
            for kind, reference in zip(CALL_EVENTS + EDGE_EVENTS, types, strict=True)
        ],
        "$defs": dict(sorted(components.items())),
    }


def text() -> str:
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
