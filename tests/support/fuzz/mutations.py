"""What makes a right message wrong: first in its parts, then in its bytes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from support.fuzz import hostile
from support.fuzz.message import Message

_LARGEST = 60_000  # a datagram holds no more


def mutated(random: Random, message: Message, times: int) -> bytes:
    message = message.copy()
    for _ in range(times):
        random.choice(_OF_PARTS)(random, message)
    data = message.written()
    if random.random() < 0.25:
        for _ in range(random.choice((1, 1, 2, 8))):
            data = random.choice(_OF_BYTES)(random, data)
    return data[:_LARGEST]


def _at(random: Random, message: Message) -> int:
    return random.randrange(len(message.headers))


def _drop(random: Random, message: Message) -> None:
    if len(message.headers) > 1:
        del message.headers[_at(random, message)]


def _double(random: Random, message: Message) -> None:
    one = message.headers[_at(random, message)]
    times = random.choice((1, 1, 2, 70))
    message.headers[_at(random, message) : 0] = [one] * times


def _move(random: Random, message: Message) -> None:
    random.shuffle(message.headers)


def _value(random: Random, message: Message) -> None:
    at = _at(random, message)
    name, value = message.headers[at]
    put = random.choice((hostile.text, hostile.uri, hostile.number))(random)
    message.headers[at] = name, random.choice((put, value + put, put + value))


def _inside(random: Random, message: Message) -> None:
    at = _at(random, message)
    name, value = message.headers[at]
    where = random.randint(0, len(value))
    message.headers[at] = name, value[:where] + hostile.text(random) + value[where:]


def _cut(random: Random, message: Message) -> None:
    at = _at(random, message)
    name, value = message.headers[at]
    message.headers[at] = name, value[: random.randint(0, len(value))]


def _number(random: Random, message: Message) -> None:
    """A number of a field, CSeq and Content-Length above all, becomes another."""
    at = _at(random, message)
    name, value = message.headers[at]
    words = value.split(" ")
    numeric = [n for n, word in enumerate(words) if word.isdigit() or word.startswith("{{")]
    if numeric:
        words[random.choice(numeric)] = hostile.number(random)
        message.headers[at] = name, " ".join(words)
    else:
        message.set(
            random.choice(("Content-Length", "CSeq", "Max-Forwards")), hostile.number(random)
        )


def _parameter(random: Random, message: Message) -> None:
    at = _at(random, message)
    name, value = message.headers[at]
    key = random.choice(
        (
            "tag",
            "branch",
            "rport",
            "received",
            "maddr",
            "ttl",
            "expires",
            "lr",
            "q",
            "x",
            "transport",
        )
    )
    what = random.choice((hostile.text, hostile.number))(random)[:300]
    message.headers[at] = name, f"{value};{key}={what}"


def _name(random: Random, message: Message) -> None:
    at = _at(random, message)
    name, value = message.headers[at]
    compact = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Subject": "s"}
    other = (name.lower(), name.upper(), compact.get(name, name), f"{name} ", f" {name}", "")
    message.headers[at] = random.choice((*other, name + hostile.text(random)[:40])), value


def _fold(random: Random, message: Message) -> None:
    at = _at(random, message)
    name, value = message.headers[at]
    message.headers[at] = name, value.replace(" ", random.choice(("\r\n ", "\r\n\t", "\n ", "\t")))


def _many(random: Random, message: Message) -> None:
    """One value, with commas, many times."""
    at = _at(random, message)
    name, value = message.headers[at]
    message.headers[at] = name, ", ".join([value] * random.choice((2, 10, 100)))


def _first_line(random: Random, message: Message) -> None:
    words = message.first_line.split(" ")
    kind = random.randrange(5)
    if kind == 0:
        words[min(1, len(words) - 1)] = hostile.uri(random)
    elif kind == 1:
        words[random.randrange(len(words))] = hostile.text(random)[:2000]
    elif kind == 2:
        words = words[: random.randint(0, len(words))]
    elif kind == 3:
        words[-1] = random.choice(("SIP/2.0 ", "SIP/7.0", "sip/2.0", "HTTP/1.1", "SIP/2.0/UDP"))
    else:
        words.insert(random.randint(0, len(words)), "")
    message.first_line = " ".join(words)


def _body(random: Random, message: Message) -> None:
    lines = message.body.split("\r\n")
    kind = random.randrange(5)
    at = random.randrange(len(lines))
    if kind == 0:
        lines[at] += hostile.text(random)
    elif kind == 1:
        lines[at] = lines[at][: random.randint(0, len(lines[at]))]
    elif kind == 2:
        lines.insert(at, random.choice(lines))
    elif kind == 3:
        words = lines[at].split(" ")
        words[random.randrange(len(words))] = hostile.number(random)
        lines[at] = " ".join(words)
    else:
        del lines[at]
    message.body = "\r\n".join(lines)


def _flip(random: Random, data: bytes) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _byte(random: Random, data: bytes) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + bytes([random.choice((0, 9, 10, 13, 32, 34, 37, 60, 127, 255))]) + data[at:]


def _slice_out(random: Random, data: bytes) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + data[at + random.choice((1, 2, 8, 64)) :]


def _slice_again(random: Random, data: bytes) -> bytes:
    at, size = random.randint(0, len(data)), random.choice((1, 8, 64))
    return data[:at] + data[at : at + size] * random.choice((2, 8, 200)) + data[at:]


def _end(random: Random, data: bytes) -> bytes:
    return data[: random.randint(0, len(data))]


_OF_PARTS: tuple[Callable[[Random, Message], None], ...] = (
    *(_drop, _double, _move, _value, _value, _inside, _inside, _cut, _number, _number, _parameter),
    *(_name, _fold, _many, _first_line, _body, _body),
)
_OF_BYTES: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_flip, _byte, _slice_out, _slice_again, _end),
)
