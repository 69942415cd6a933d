"""URLs of documents."""

import pytest

from sipua.twilio.urls import LONGEST, SOCKET, WEB, resolved

BASE = "https://agent.example/voice/start?a=b"


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("", BASE),
        ("next", "https://agent.example/voice/next"),
        ("/next?c=d#e", "https://agent.example/next?c=d"),
        ("?c", "https://agent.example/voice/start?c"),
        ("//other.example/x", "https://other.example/x"),
        ("http://other.example:8080/x", "http://other.example:8080/x"),
        (
            "/gr%C3%BC%C3%9F/ü?a=ß&b=%2F+~",
            "https://agent.example/gr%C3%BC%C3%9F/%C3%BC?a=%C3%9F&b=%2F+~",
        ),
        ("http://[::1]:80/a;b='c'", "http://[::1]:80/a;b='c'"),
        ("file:///etc/passwd", None),
        ("wss://agent.example/ws", None),
        ("http:///x", None),
        ("http://user:pass@host/", None),
        ("http://host:99999/", None),
        ("http://[1/", None),
        ("http://grüß.example/", None),
        ("a b", None),
        ("a\nb", None),
        ("a" * (LONGEST + 1), None),
    ],
)
def test_resolved(url: str, whole: str | None) -> None:
    assert resolved(BASE, url) == whole


def test_streams() -> None:
    assert resolved(BASE, "/ws", SOCKET) == "wss://agent.example/ws"
    assert resolved("http://a/b", "ws", SOCKET) == "ws://a/ws"
    assert resolved(BASE, "wss://other.example/ws?x=1", SOCKET) == "wss://other.example/ws?x=1"
    assert resolved(BASE, "https://other.example/ws", SOCKET) is None


def test_without_a_base() -> None:
    assert resolved("", "/a") is None
    assert resolved("", "https://a.example/b", WEB) == "https://a.example/b"
