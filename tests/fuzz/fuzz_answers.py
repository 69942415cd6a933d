"""Any answer of DNS is an address or a reason; of a webhook, a pause or none; any arguments of a
model fit the tool or are an ArgumentsError."""

import asyncio
import math
import sys
from pathlib import Path
from typing import Any

import atheris
import dns.asyncquery
import dns.exception
import dns.message

with atheris.instrument_imports():
    from sipua.outputs.hooks import answer
    from sipua.sip.dns.lookup import Lookup
    from sipua.sip.dns.names import Found, Name, NotFound
    from sipua.tools.wire.schema import ArgumentsError, Declaration, Registry

SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "pattern": "^[0-9]{1,5}$"},
        "day": {"type": "string", "format": "date"},
        "list": {"type": "array", "items": {"$ref": "#"}, "uniqueItems": True},
        "much": {"type": "number", "multipleOf": 0.01},
    },
    "required": ["number"],
}
TOOLS = Registry([Declaration("book", "", SCHEMA)])
LOOKUP = Lookup(("127.0.0.1",), Path("/nonexistent"), patience_s=(0.01,))
NAME = Name("pbx.example.com", services=True)
LOOP = asyncio.new_event_loop()
given = {"wire": b""}


async def answered(query: Any, *_: Any, **__: Any) -> Any:
    """As dnspython's own: the header and the question are right, the fuzzer has the records."""
    asked = dns.message.make_response(query).to_wire()
    wire = given["wire"]
    counts = bytes((0, wire[0] % 8 if wire else 0, 0, 0, 0, 0))
    reply = dns.message.from_wire(asked[:6] + counts + asked[12:] + wire[1:], ignore_trailing=True)
    if not query.is_response(reply):
        raise dns.exception.FormError
    return reply


dns.asyncquery.udp = answered  # type: ignore[assignment]
dns.asyncquery.tcp = answered  # type: ignore[assignment]


def test_one_input(data: bytes) -> None:
    given["wire"] = data
    found = LOOP.run_until_complete(LOOKUP(NAME))
    assert isinstance(found, Found | NotFound)
    text = data.decode("utf-8", "replace")
    pause = answer.retry_after_s(text, 1e9)
    assert pause is None or (math.isfinite(pause) and 0 < pause <= answer.LONGEST_RETRY_AFTER_S)
    for arguments in (text, f'{{"number":"1","list":[{text}]}}'):
        try:
            assert isinstance(TOOLS.arguments("book", arguments), dict)
        except ArgumentsError as error:
            assert len(str(error)) < 2_000  # noqa: PT017


A = b"\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01"
SRV = b"\x01\xc0\x0c\0\x21\0\x01\0\0\0\x3c\0\x08\0\x01\0\x01\x13\xc4\xc0\x0c"
CNAME = b"\x02\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x0c" + A[1:]
if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
    for number, seed in enumerate(
        (A, SRV, CNAME, b"Wed, 21 Oct 2015 07:28:00 GMT", b'{"number":"1"}')
    ):
        (Path(sys.argv[1]) / f"seed-{number}").write_bytes(seed)

atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
