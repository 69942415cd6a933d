"""What a field may hold that its reader did not expect."""

from __future__ import annotations

from random import Random

NUMBERS = (
    *("0", "-0", "-1", "00000000000000000001", "1e9", "0x10", "١٢", "", " ", "+1", "1.5", "1 1"),
    *(str((1 << bits) + off) for bits in (7, 8, 15, 16, 31, 32, 63, 64) for off in (-1, 0, 1)),
    "9" * 30,
    "9" * 400,
)
PIECES = (
    *(
        "\0",
        "\x01",
        "\x7f",
        "\t",
        "\r",
        "\n",
        "\r\n",
        "\r\n ",
        "\r\n\r\n",
        "\udcff",
        "\udcc0\udc80",
    ),
    *(
        "é",
        "\u202e",
        "%",
        "%s%n",
        "%00",
        "%0d%0a",
        "%4",
        "%zz",
        "\\",
        '"',
        "'",
        "<",
        ">",
        "<>",
        "(",
    ),
    *(")", ",", ";", ";;", ";=", "=", "@", "@@", ":", "::", "[", "]", "[::1", "[]", "{", "}", "?"),
    *(
        "&",
        "*",
        "/",
        "sip:",
        "sips:",
        "tel:",
        "<sip:",
        ";tag=",
        ";lr",
        "z9hG4bK",
        "SIP/2.0",
        "INVITE ",
    ),
)
URIS = (
    "sip:{{edge}}",
    "sip:agent@{{edge}}",
    "sips:agent@{{edge}}",
    "sip:agent@{{edge}};transport=tcp",
    "sip:agent@{{edge}};transport=nonsense;maddr=192.0.2.1;ttl=999;lr",
    "sip:agent:secret@{{edge}};user=phone?Subject=a&body=b",
    "sip:%61gent@{{edge}}?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2",
    "sip:agent@[::1]:5060",
    "sip:agent@[::1",
    "sip:agent@[::ffff:127.0.0.1%25lo]",
    "sip:agent@127.0.0.1:99999",
    "sip:agent@127.0.0.1:",
    "sip:@127.0.0.1",
    "sip:",
    "sip",
    "tel:+4930123456;phone-context=example.com",
    "tel:",
    "tel:+49-(30)-1;isub=1;ext=2",
    "urn:service:sos",
    "http://127.0.0.1/",
    "nobodyKnowsThisScheme:totallyopaque",
    "sip:a@a@a@127.0.0.1",
    "<sip:agent@{{edge}}>",
    "*",
    "",
)


def number(random: Random) -> str:
    return random.choice(NUMBERS) if random.random() < 0.8 else str(random.getrandbits(80))


def text(random: Random) -> str:
    """Short and sharp, or one thing many times."""
    if random.random() < 0.6:
        return "".join(random.choice(PIECES) for _ in range(random.randint(1, 6)))
    return random.choice(PIECES) * random.choice((2, 16, 64, 255, 256, 257, 1024, 4096))


def uri(random: Random) -> str:
    found = random.choice(URIS)
    if random.random() < 0.3:
        at = random.randint(0, len(found))
        found = found[:at] + text(random)[:200] + found[at:]
    return found
