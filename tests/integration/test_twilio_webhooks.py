"""Documents from a real server, good and bad: what is sent, and what is not believed."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator

from sipua.twilio import fetch
from sipua.twilio.fetch import FetchError, Reach, WebClient
from sipua.twilio.request import WebRequest, written
from sipua.twilio.twiml.parse import TwimlError
from sipua.twilio.twiml.verbs import Document, Hangup
from sipua.twilio.twiml.xml import MOST_BYTES
from support.calls.hook_server import (
    Behaviour,
    HookServer,
    answer,
    dripping,
    endless,
    nonsense,
    self_signed,
    vanish,
)

TOKEN = "not-a-secret-12345"
XML = b"<?xml version='1.0'?><Response><Hangup/></Response>"
GOOD = answer(200, XML, Content_Type="text/xml; charset=utf-8")
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
Make = Callable[..., WebClient]


@pytest.fixture
async def client() -> AsyncIterator[Make]:
    clients: list[WebClient] = []

    def make(
        *,
        hosts: tuple[str, ...] = ("localhost",),
        allow: tuple[fetch.Network, ...] = LOOPBACK,
        ca_file: Path | None = None,
        timeout_s: float = 10.0,
    ) -> WebClient:
        reach = Reach(hosts, allow, str(ca_file or ""))
        clients.append(WebClient(reach, timeout_s=timeout_s))
        return clients[-1]

    yield make
    for one in clients:
        await one.close()


def asked(url: str, method: str = "POST", **parameters: str) -> WebRequest:
    return written(url, method, parameters, auth_token=TOKEN, token="t-1")  # type: ignore[arg-type]


async def test_what_is_sent_is_what_was_signed(client: Make) -> None:
    with HookServer([GOOD]) as server:
        url = f"{server.url}/voice%2F1/a?x=%C3%BC&y=a+b"
        one = client()
        assert await one.document(asked(url, From="+43 1", Digits="1*#")) == Document((Hangup(),))
        assert await one.document(asked(url, "GET", From="+43 1")) == Document((Hangup(),))
        await one.tell(asked(url, CallStatus="completed"))
    posted, got, told = server.requests
    assert (posted.method, posted.path) == ("POST", "/voice%2F1/a?x=%C3%BC&y=a+b")
    assert posted.headers["user-agent"] == "TwilioProxy/1.1"
    assert posted.headers["i-twilio-idempotency-token"] == "t-1"
    form = dict(parse_qsl(posted.body.decode()))
    assert form == {"From": "+43 1", "Digits": "1*#"}
    validator = RequestValidator(TOKEN)
    assert validator.validate(url, form, posted.headers["x-twilio-signature"])
    assert (got.method, got.body) == ("GET", b"")
    there = f"{server.url}{got.path}"
    assert validator.validate(there, {}, got.headers["x-twilio-signature"])
    assert told.body == b"CallStatus=completed"


@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        (answer(500), fetch.STATUS, "answered 500"),
        (answer(302, Location="http://localhost/x"), fetch.STATUS, "redirects are not followed"),
        (answer(200, b"hi", Content_Type="text/plain"), fetch.CONTENT_TYPE, "text/plain"),
        (answer(200, b"a" * (MOST_BYTES + 1), Content_Type="text/xml"), fetch.TOO_LONG, "longer"),
        (endless, fetch.TOO_LONG, "longer"),
        (vanish, fetch.CONNECTION, "closed the connection"),
        (nonsense, fetch.PROTOCOL, "broke the protocol"),
    ],
)
async def test_an_answer_that_is_none(
    client: Make, behaviour: Behaviour, code: int, words: str
) -> None:
    with HookServer([behaviour]) as server:
        with pytest.raises(FetchError, match=words) as caught:
            await client().document(asked(f"{server.url}/?secret=1"))
        assert len(server.requests) == 1
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


async def test_a_document_that_is_none(client: Make) -> None:
    broken = answer(200, b"<Response>", Content_Type="application/xml")
    with HookServer([broken]) as server, pytest.raises(TwimlError, match="not well formed"):
        await client().document(asked(server.url))


async def test_an_empty_answer_is_an_empty_document(client: Make) -> None:
    with HookServer([answer(204)]) as server:
        assert await client().document(asked(server.url)) == Document()


async def test_a_sound(client: Make) -> None:
    sound = bytes(2 * MOST_BYTES)
    with HookServer([answer(200, sound), answer(404), endless]) as server:
        one = client()
        assert await one.sound(asked(server.url, "GET")) == sound
        with pytest.raises(FetchError, match="answered 404"):
            await one.sound(asked(server.url, "GET"))
        with pytest.raises(FetchError, match="longer"):
            await one.sound(asked(server.url, "GET"))


async def test_one_that_comes_byte_by_byte(client: Make) -> None:
    with HookServer([dripping]) as server, pytest.raises(FetchError, match="not answered") as late:
        await client(timeout_s=0.3).document(asked(server.url))
    assert late.value.code == fetch.CONNECTION


async def test_who_may_be_asked(client: Make) -> None:
    with HookServer([GOOD]) as server:
        with pytest.raises(FetchError, match="may not be reached") as private:
            await client(allow=()).document(asked(server.url))
        with pytest.raises(FetchError, match="not among those") as stranger:
            await client(hosts=("*.example",)).document(asked(server.url))
        address = server.url.replace("localhost", "127.0.0.1")
        with pytest.raises(FetchError, match="not among those"):
            await client().document(asked(address))
        assert not server.requests
        assert await client(hosts=("LOCAL*",)).document(asked(server.url))
    assert {private.value.code, stranger.value.code} == {fetch.FORBIDDEN}


async def test_nobody_is_there(client: Make) -> None:
    with HookServer([GOOD]) as server:
        pass
    with pytest.raises(FetchError, match="cannot be reached") as caught:
        await client().document(asked(server.url))
    assert caught.value.code == fetch.CONNECTION


async def test_certificates(client: Make, tmp_path: Path) -> None:
    pair = self_signed(tmp_path)
    with HookServer([GOOD], certificate=pair) as server:
        with pytest.raises(FetchError, match="not trusted") as caught:
            await client().document(asked(server.url))
        assert caught.value.code == fetch.CERTIFICATE
        assert await client(ca_file=pair[0]).document(asked(server.url))
        with pytest.raises(FetchError, match="ca_file"):
            await client(ca_file=tmp_path / "none.pem").document(asked(server.url))
