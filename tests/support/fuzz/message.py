"""A SIP message as text in parts, right or wrong, with placeholders for what only a call knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

LENGTH = "{{length}}"
"""Of the body, counted when the message is sent."""
_PLACEHOLDER = re.compile(rb"\{\{([a-z_:A-Z-]{1,30})\}\}")
ENCODING = ("utf-8", "surrogateescape")


@dataclass
class Message:
    first_line: str
    headers: list[tuple[str, str]]
    body: str = ""
    method: str = field(default="", compare=False)
    """What it is meant to be; of a response, what it answers."""

    def written(self) -> bytes:
        lines = [self.first_line, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode(*ENCODING)

    def copy(self) -> Message:
        return replace(self, headers=list(self.headers))

    def set(self, name: str, value: str) -> None:
        """In the place of the first of that name, or at the end."""
        for at, (known, _) in enumerate(self.headers):
            if known.lower() == name.lower():
                self.headers[at] = known, value
                return
        self.headers.append((name, value))


def read(data: bytes) -> Message:
    """A seed, cut at its lines; what has none is a first line."""
    head, _, body = data.decode(*ENCODING).partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = [
        (name, value.lstrip(" ")) for name, _, value in (line.partition(":") for line in lines)
    ]
    return Message(first, headers, body, first.partition(" ")[0])


def filled(template: bytes, values: dict[str, str]) -> bytes:
    """With its placeholders replaced; one without a value stays as it is, and is one more error."""

    def value(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        return values[name].encode(*ENCODING) if name in values else found[0]

    data = _PLACEHOLDER.sub(value, template)
    if b"{{length}}" in data:
        body = data.partition(b"\r\n\r\n")[2]
        data = data.replace(b"{{length}}", str(len(body)).encode())
    return data
