"""What a person reads after `make run`."""

from __future__ import annotations

from sipua.config import load
from sipua.doctor.doctor import BuildInfo
from sipua.edge import banner

INDEX = BuildInfo(
    "2.15.1", "2.15.1.post1", 4, "select", "OpenSSL 1.0.2k-fips", asks=False, asks_calls=False
)
PRODUCTION = BuildInfo(
    "2.17", "2.17+sipua1", 1024, "epoll", "OpenSSL 3.0.19", asks=True, asks_calls=True
)


def lines(build: BuildInfo, host: str = "127.0.0.1") -> str:
    config = load(None, {})
    return "\n".join(banner.lines(config, build, build.max_calls, [(host, 5070)], ["udp", "tcp"]))


def test_it_says_how_to_call_and_who_answers() -> None:
    text = lines(PRODUCTION)
    assert "sipua listens on 127.0.0.1:5070 (UDP and TCP)" in text
    assert ".venv/bin/sipua call sip:agent@127.0.0.1:5070" in text
    assert "no key, no model" in text
    assert "up to 1024 at once" in text


def test_only_the_small_build_is_told_how_to_grow() -> None:
    assert "make pjsua2" in lines(INDEX)
    assert "make pjsua2" not in lines(PRODUCTION)


def test_nobody_is_told_to_call_0_0_0_0() -> None:
    assert "sip:agent@<this machine's address>:5070" in lines(PRODUCTION, host="0.0.0.0")


def test_both_families_and_brackets() -> None:
    config = load(None, {})
    both = [("0.0.0.0", 5070), ("::", 5070)]
    text = "\n".join(banner.lines(config, PRODUCTION, 1024, both, ["udp"]))
    assert "sipua listens on 0.0.0.0:5070 and [::]:5070 (UDP)" in text
    assert "sip:agent@[<this machine's address>]:5070" in lines(PRODUCTION, host="::")
