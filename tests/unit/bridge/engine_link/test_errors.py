import pytest

from sipua.bridge.engine_api.errors import EngineConnectError, ErrorKind
from sipua.bridge.engine_link.errors import EngineClosed, Scrubber, address, refused_upgrade

URL = "wss://user:pass-word@api.example.net:8443/v1/realtime?model=m-model-name&token=tok-12345"
HEADERS = {"Authorization": "Bearer sk-secret-key", "X-Short": "abc", "api-key": "other-key"}


def upgrade_error(
    status: int, headers: dict[str, str] | None = None, body: bytes = b""
) -> EngineConnectError:
    return refused_upgrade(
        "wss://h",
        Scrubber(URL, HEADERS),
        status=status,
        phrase="No",
        headers=headers or {},
        body=body,
    )


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (401, "unauthorized", False),
        (403, "forbidden", False),
        (429, "rate_limited", True),
        (500, "server", True),
        (502, "server", True),
        (503, "server", True),
        (400, "protocol", False),
        (404, "protocol", False),
        (302, "protocol", False),
        (200, "protocol", False),
    ],
)
def test_M1_what_an_http_status_means(status: int, kind: ErrorKind, retryable: bool) -> None:
    error = upgrade_error(status)
    assert (error.kind, error.status, error.retryable) == (kind, status, retryable)
    assert str(error) == f"wss://h answered {status} No"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "12"}, 12),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        (
            {
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
                "Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT",
            },
            30,
        ),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        ({"Date": "yesterday", "Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        (
            {
                "Date": "Wed, 21 Oct 2015 07:28:00 -0000",
                "Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT",
            },
            None,
        ),
    ],
)
def test_M1_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert upgrade_error(429, headers).retry_after_s == seconds


def test_the_vendors_words_are_kept() -> None:
    error = upgrade_error(401, body=b'{"error":{"code":"invalid_api_key","message":"Bad key."}}')
    assert error.code == "invalid_api_key"
    assert str(error) == "wss://h answered 401 No: Bad key."


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"7", b'{"error":7}', b'{"error":{}}', b"\xff", b"[" * 100_000],
)
def test_a_body_that_says_nothing(body: bytes) -> None:
    error = upgrade_error(500, body=body)
    assert error.code is None
    assert str(error) == "wss://h answered 500 No"


def test_H8_a_quoted_key_is_masked() -> None:
    body = b'{"error":{"message":"Incorrect API key: sk-secret-key, tok-12345, pass-word."}}'
    assert str(upgrade_error(401, body=body)).endswith("Incorrect API key: ***, ***, ***.")


def test_H8_the_scrubber_knows_every_secret_and_no_more() -> None:
    scrub = Scrubber(URL, HEADERS)
    for secret in ("sk-secret-key", "Bearer sk-secret-key", "other-key", "tok-12345", "pass-word"):
        assert scrub(f"a {secret} b") == "a *** b"
    assert scrub("abc m-model-name user") == "abc m-model-name user"
    assert Scrubber("ws://h", {})("plain") == "plain"


def test_the_scrubber_makes_one_short_line() -> None:
    scrub = Scrubber("ws://h", {})
    assert scrub("a\nb\x1b[31m\x00") == "a b [31m "
    assert len(scrub("x" * 10_000)) == 300


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, "wss://api.example.net:8443/v1/realtime"),
        ("ws://[::1]:80/x?key=1", "ws://[::1]:80/x"),
        ("ws://h:99999/", "?"),
        ("ws://[broken", "?"),
        ("", "://?"),
    ],
)
def test_H8_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    assert address(url) == shown


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1012, 1013, 1015])
def test_closes_that_are_worth_a_new_connection(code: int) -> None:
    assert EngineClosed(code, "").retryable


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 3000, 4001])
def test_closes_that_are_not_unless_it_was_us(code: int) -> None:
    assert not EngineClosed(code, "").retryable
    assert EngineClosed(code, "", by_us=True).retryable
