"""Secrets stay out of every text, whatever form it arrives in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.log import secret_masking
from sipua.log.secret_masking import (
    LONGEST_VALUE,
    MASK,
    is_secret_name,
    mask_text,
    mask_value,
    register_secret,
)

DIGEST = (
    'Authorization: Digest username="100", realm="asterisk", nonce="17/9ab", '
    'uri="sip:10.0.0.5", response="6629fae49393a05397450978507c4ef1", algorithm=MD5'
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            f"REGISTER sip:10.0.0.5 SIP/2.0\r\n{DIGEST}\r\nContent-Length: 0\r\n",
            (
                "REGISTER sip:10.0.0.5 SIP/2.0\r\nAuthorization: Digest ********\r\n"
                "Content-Length: 0\r\n"
            ),
        ),
        ("Proxy-Authorization: Basic dXNlcjpwdw==\n", "Proxy-Authorization: Basic ********\n"),
        ("authorization:abc", "authorization:********"),
        (
            "{'Authorization': 'Bearer ab12', 'x': 1}",
            "{'Authorization': 'Bearer ********', 'x': 1}",
        ),
        ('{"api-key": "9f31", "x": 1}', '{"api-key": "********", "x": 1}'),
        ("with Bearer abcdef123456.", "with Bearer ********"),
        ('response="6629fae4", x', 'response="********", x'),
        ("a=crypto:1 X inline:c2VjcmV0+/a2V5==|2^20", "a=crypto:1 X inline:********|2^20"),
        ("key sk-proj-abc_DEF-123 refused", "key sk-******** refused"),
        ("wss://h/v1?api-key=9f31&v=2", "wss://h/v1?api-key=********&v=2"),
        ("sip:100:geheim@10.0.0.5;transport=udp", "sip:100:********@10.0.0.5;transport=udp"),
        ("wss://me:pw@host/x", "wss://me:********@host/x"),
    ],
)
def test_shapes_are_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "sip:100@10.0.0.5:5060;transport=udp",
        "http response=200 in 12 ms",
        "WWW-Authenticate: Digest realm=asterisk",
        "task-force risk-free",
        "ws://127.0.0.1:8080/v1/realtime?model=gpt-realtime",
        "100 Trying",
    ],
)
def test_innocent_text_stays(text: str) -> None:
    assert mask_text(text) == text


def test_digest_in_escaped_text_hides_the_response() -> None:
    for text in (json.dumps(DIGEST), repr(DIGEST + "\r\n")):
        assert "6629fae4" not in mask_text(text)


def test_registered_values_are_masked_also_when_escaped() -> None:
    secret = 'tr"icky\\pass'
    register_secret(secret)
    assert mask_text(f"at {secret}!") == f"at {MASK}!"
    assert mask_text(json.dumps({"x": secret})) == f'{{"x": "{MASK}"}}'
    assert secret not in mask_text(repr([secret]))


def test_short_values_are_not_masked_by_value() -> None:
    register_secret("100")
    assert mask_text("100 Trying") == "100 Trying"


@pytest.mark.parametrize(
    "name", ["password", "api_key", "x-api-key", "Authorization", "client_secret", "access_token"]
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["output_tokens", "password_file", "api_key_env", "author", "event", "keyboard"]
)
def test_other_names(name: str) -> None:
    assert not is_secret_name(name)


def test_values_are_walked() -> None:
    assert mask_value("headers", {"api-key": "9f31", "n": 1, "l": ["Bearer abcdef123"]}) == {
        "api-key": MASK,
        "n": 1,
        "l": [f"Bearer {MASK}"],
    }
    assert mask_value("raw", b"sk-abcdefgh\xff") == f"sk-{MASK}\\xff"[: len(f"sk-{MASK}") + 4]
    assert mask_value("password", "") == ""
    assert mask_value("password", 12345) == MASK


def test_a_long_value_is_cut_and_a_secret_that_the_cut_goes_through_is_masked() -> None:
    before = "a" * (LONGEST_VALUE - 5) + " "
    shown = mask_value("reason", f"{before}sk-abcdefghijklmnop")
    assert shown == f"{before}sk-{MASK}"[:LONGEST_VALUE] + f" … ({LONGEST_VALUE + 15} characters)"


PIECES = [
    *("Authorization", "proxy-authorization", "api-key", "Bearer ", "Digest ", "sk-", "response"),
    *(": ", "=", '"', "'", "\\", "\r\n", " ", "sip:", "wss://", "@", "?key=", "abcdef0123"),
]


@given(st.lists(st.sampled_from(PIECES)).map("".join) | st.text())
def test_any_text_is_survived_and_masking_is_stable(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://x.example/hook?code=a%2Bb-123", ["a%2Bb-123", "a+b-123"]),
        ("wss://x.example/v1?model=m&API-KEY=k-1&sig=s-1#f", ["k-1", "k-1", "s-1", "s-1"]),
        ("https://x.example/a?model=m&version=2", []),
        ("https://x.example/a?code=", []),
        ("https://x.example/code=1", []),
        ("are you there? code=1", []),
    ],
)
def test_what_authenticates_in_the_query_of_a_url(url: str, found: list[str]) -> None:
    assert secret_masking.secrets_in_url(url) == found


def test_a_value_that_is_used_no_more_is_forgotten() -> None:
    for value in ('first"one', "second-one"):
        secret_masking.register_secret(value)
    secret_masking.forget_secret('first"one')
    secret_masking.forget_secret("never-known")
    assert secret_masking.mask_text('first"one second-one') == f'first"one {secret_masking.MASK}'
    secret_masking.forget_secret("second-one")
    assert secret_masking.mask_text("second-one") == "second-one"


def test_a_value_of_two_owners_is_masked_until_both_have_forgotten_it() -> None:
    for _ in range(2):
        secret_masking.register_secret("of-two-keys")
    secret_masking.forget_secret("of-two-keys")
    assert secret_masking.mask_text("of-two-keys") == secret_masking.MASK
    secret_masking.forget_secret("of-two-keys")
    assert secret_masking.mask_text("of-two-keys") == "of-two-keys"


def test_a_value_that_another_one_looks_like_in_json_stays_masked() -> None:
    secret_masking.register_secret('quoted"once')
    secret_masking.register_secret('quoted\\"once')
    secret_masking.forget_secret('quoted"once')
    assert secret_masking.mask_text('quoted\\"once') == secret_masking.MASK
