"""Digest: the examples of RFC 7616, what is read of an Authorization, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.wire import digest
from sipua.sip.wire.digest import ALGORITHMS, Credentials, parse
from sipua.sip.wire.texts import Message

MUFASA = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
    "algorithm={algorithm}, "
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
SHA_256 = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
MD5 = "8ca523f5e9506fed4657c9700eebdbec"


@pytest.mark.parametrize(("algorithm", "expected"), [("SHA-256", SHA_256), ("MD5", MD5)])
def test_the_examples_of_rfc_7616(algorithm: str, expected: str) -> None:
    """3.9.1"""
    users = digest.users_of("http-auth@example.org", ALGORITHMS, {"Mufasa": "Circle of Life"})
    given_ = parse(MUFASA.format(algorithm=algorithm, response=expected))
    assert given_ is not None
    assert users.expected(given_, "GET") == expected
    assert users.knows("Mufasa")
    assert "Circle" not in repr(users)


def test_nobody_knows_the_password_of_a_user_that_is_not_there() -> None:
    users = digest.users_of("sipua", ALGORITHMS, {"100": "x"})
    other = digest.users_of("sipua", ALGORITHMS, {"100": "x"})
    nobody = Credentials("nobody", "sipua", "n", "sip:x", MD5, "MD5", "c", "00000001")
    assert not users.knows("nobody")
    assert users.expected(nobody, "INVITE") != other.expected(nobody, "INVITE")


GOOD = {
    "username": '"100"',
    "realm": '"sipua"',
    "nonce": '"abc"',
    "uri": '"sip:1@edge"',
    "response": f'"{MD5}"',
    "qop": "auth",
    "nc": "00000001",
    "cnonce": '"c"',
}


def header(**changed: str | None) -> str:
    fields = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())


def test_an_authorization_without_an_algorithm_is_md5() -> None:
    found = parse(header())
    assert found == Credentials("100", "sipua", "abc", "sip:1@edge", MD5, "MD5", "c", "00000001")
    assert parse(header(algorithm="sha-256", response=f'"{SHA_256}"')) is not None
    assert parse(header(qop='"auth"', realm="sipua")) is not None
    assert parse("dIGEST " + header().partition(" ")[2]) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        "Digest rubbish",
        "Basic cGhvbmU6cmlnaHQ=",
        *(header(**{name: None}) for name in GOOD if name != "realm"),
        header(qop="auth-int"),
        header(algorithm="MD5-sess"),
        header(algorithm="SHA-512-256"),
        header(nc="1"),
        header(nc="0000000g"),
        header(response='"abc"'),
        header(response=f'"{MD5}0"'),
        header(username='""'),
        header(username='"a\\"b"'),
        header(username='"a'),
        header(username=f'"{"a" * 257}"'),
        header() + ', username="101"',
        header() + ", " + ", ".join(f"x{chr(97 + number)}=1" for number in range(12)),
        header() + " trailing rubbish",
    ],
)
def test_what_is_no_digest_as_it_was_asked_for(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=600))
def test_any_text_is_read_or_is_not(text: str) -> None:
    for header_ in (text, f"Digest {text}", header(username=f'"{text}"')):
        found = parse(header_)
        assert found is None or (found.user and found.algorithm in ALGORITHMS)


def test_the_one_for_our_realm_is_taken_and_no_more_than_four_are_read() -> None:
    users = digest.users_of("sipua", ["MD5"], {"100": "x"})
    foreign, ours = header(realm='"pbx"'), header()
    both = f"INVITE sip:x SIP/2.0\r\nAuthorization: {foreign}\r\nAuthorization: {ours}\r\n\r\n"
    found = digest.of_realm(Message(both), users)
    assert found is not None
    assert found.realm == "sipua"
    many = "INVITE sip:x SIP/2.0\r\n" + f"Authorization: {foreign}\r\n" * 4
    assert digest.of_realm(Message(f"{many}Authorization: {ours}\r\n\r\n"), users) is None
    stronger = header(algorithm="SHA-256", response=f'"{SHA_256}"')
    not_offered = f"INVITE sip:x SIP/2.0\r\nAuthorization: {stronger}\r\n\r\n"
    assert digest.of_realm(Message(not_offered), users) is None


def test_a_challenge_for_each_algorithm_the_stronger_first() -> None:
    users = digest.users_of("sipua", ALGORITHMS, {})
    assert digest.challenges(users, "n", stale=False) == (
        'Digest realm="sipua", nonce="n", algorithm=SHA-256, qop="auth"',
        'Digest realm="sipua", nonce="n", algorithm=MD5, qop="auth"',
    )
    assert all(one.endswith(", stale=true") for one in digest.challenges(users, "n", stale=True))
