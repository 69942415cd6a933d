"""Which targets a peer may name in a REFER, and what is passed on of what it wrote."""

from __future__ import annotations

import pytest

from sipua.config.values.uri import check_target
from sipua.sip.parties import refer
from sipua.sip.parties.numbers import number_format
from sipua.sip.parties.refer import ReferPolicy, Refused, Wanted
from sipua.sip.wire.texts import Message

OWN = frozenset({"pbx.example.com"})
POLICY = ReferPolicy(True, ("2??", "+4930*", "!299", "*@sip.example.net", "!eve@*"), False, OWN)
TAGS = "to-tag%3Dab%3Bfrom-tag%3Dcd"


def judged(
    refer_to: str,
    policy: ReferPolicy = POLICY,
    more: str = "",
    prefixes: dict[str, str] | None = None,
) -> Wanted | Refused:
    headers = f"From: <sip:100@pbx.example.com>;tag=1\r\nRefer-To: {refer_to}\r\n{more}"
    message = Message(f"REFER sip:agent@127.0.0.1 SIP/2.0\r\n{headers}\r\n")
    return refer.judge(
        message,
        policy,
        belongs=lambda host: host == "192.0.2.9",
        form=number_format(prefixes or {}),
    )


@pytest.mark.parametrize(
    ("refer_to", "target"),
    [
        ("<sip:201@pbx.example.com>", "201"),
        ("sip:201@192.0.2.9", "201"),
        ("<sip:201@192.0.2.9:5070;transport=tcp>", "201"),
        ('"Sales" <sip:201@PBX.example.com;user=phone>;x=1', "201"),
        ("<tel:+4930123456>", "+4930123456"),
        ("<sip:bob@sip.example.net>", "sip:bob@sip.example.net"),
        (
            "<sip:bob@sip.example.net:5070;transport=tcp>",
            "sip:bob@sip.example.net:5070;transport=tcp",
        ),
        ("<sip:201@pbx.example.com;method=INVITE>", "201"),
    ],
)
def test_a_target_that_a_pattern_allows(refer_to: str, target: str) -> None:
    verdict = judged(refer_to)
    assert isinstance(verdict, Wanted)
    assert (verdict.target, verdict.replaces) == (target, "")


@pytest.mark.parametrize(
    ("refer_to", "rule"),
    [
        ("<sip:+49900123@pbx.example.com>", "refer_targets"),  # a premium number
        ("<sip:299@pbx.example.com>", "refer_targets"),
        ("<sip:201@evil.example.org>", "refer_targets"),  # a foreign host
        ("<sip:201@pbx.example.com.evil.example.org>", "refer_targets"),
        ("<sip:eve@sip.example.net>", "refer_targets"),
        ("<sip:pbx.example.com>", "Refer-To"),
        ("<sips:201@pbx.example.com>", "Refer-To"),
        ("<http://pbx.example.com/>", "Refer-To"),
        ("<sip:201%0d%0aX-Evil:1@pbx.example.com>", "Refer-To"),
        ("<sip:201@pbx.example.com?X-Evil=1>", "Refer-To"),
        ("<sip:201@pbx.example.com?From=%3Csip%3Aceo%40pbx%3E>", "Refer-To"),
        ("<sip:201@pbx.example.com?Route=%3Csip:evil.example.org;lr%3E&Replaces=a>", "Refer-To"),
        ("<sip:201@pbx.example.com;method=BYE>", "Refer-To"),
        (f"<sip:201@pbx.example.com?Replaces=abc%3B{TAGS}>", "replaces"),
    ],
)
def test_S12_a_target_that_is_refused(refer_to: str, rule: str) -> None:
    verdict = judged(refer_to)
    assert verdict == Refused(403, rule, refer_to)


@pytest.mark.parametrize(
    ("targets", "refer_to", "target"),
    [
        (("*",), "<sip:bob@pbx.example.com>", None),  # nobody could be dialled so
        (("*",), "<sip:2-0-1@pbx.example.com>", "201"),
        (("*",), "<sip:*21#@pbx.example.com>", "*21#"),
        (("*", "*@pbx.example.com"), "<sip:bob@pbx.example.com>", "sip:bob@pbx.example.com"),
        (("*", "!bob@*", "*@pbx.example.com"), "<sip:bob@pbx.example.com>", None),
    ],
)
def test_S12_a_pattern_without_a_host_is_for_numbers(
    targets: tuple[str, ...], refer_to: str, target: str | None
) -> None:
    """What cannot be called is refused with 403, and not with 202 and a NOTIFY of 403."""
    verdict = judged(refer_to, ReferPolicy(True, targets, False, OWN))
    if target is None:
        assert verdict == Refused(403, "refer_targets", refer_to)
    else:
        assert isinstance(verdict, Wanted)
        assert verdict.target == target
        check_target(target)


def test_S12_nothing_is_allowed_that_is_not_written_down() -> None:
    for target in ("<sip:201@pbx.example.com>", "<tel:112>"):
        assert judged(target, refer.DENY) == Refused(603, "refer", target)
        assert judged(target, ReferPolicy(True, (), True, OWN)) == Refused(
            403, "refer_targets", target
        )


def test_S12_two_targets_or_none_or_one_without_an_end() -> None:
    two = judged("<sip:201@pbx.example.com>", more="r: <sip:202@pbx.example.com>\r\n")
    long = judged("<sip:201@pbx.example.com>" + "x" * 4000)
    assert [verdict.status for verdict in (two, long) if isinstance(verdict, Refused)] == [400, 400]
    nothing = refer.judge(Message("REFER sip:a SIP/2.0\r\n\r\n"), POLICY, belongs=lambda _: True)
    assert nothing == Refused(400, "Refer-To", "")


@pytest.mark.parametrize(
    ("value", "header"),
    [
        (f"abc%40pbx%3B{TAGS}", "abc@pbx;to-tag=ab;from-tag=cd"),
        ("abc%3Bfrom-tag%3Dcd%3Bto-tag%3Dab", "abc;to-tag=ab;from-tag=cd"),
        (f"abc%3B{TAGS}%3Bearly-only&Require=replaces", "abc;to-tag=ab;from-tag=cd;early-only"),
        (f"abc%0d%0aX: 1%3B{TAGS}", None),
        (f"abc%3B{TAGS}%3Bto-tag%3Dxx", None),
        ("abc%3Bto-tag%3Dab", None),
        ("abc", None),
    ],
)
def test_a_call_that_is_to_be_taken_over(value: str, header: str | None) -> None:
    policy = ReferPolicy(True, ("2??",), True, OWN)
    verdict = judged(f"<sip:201@pbx.example.com?Replaces={value}>", policy)
    if header is None:
        assert isinstance(verdict, Refused)
    else:
        assert isinstance(verdict, Wanted)
        assert verdict.replaces == header


def test_numbers_are_compared_in_the_trunks_format() -> None:
    policy = ReferPolicy(True, ("+4930*",), False, OWN)
    for_all = {"00": "+", "0": "+49"}
    verdict = judged("<sip:030123456@pbx.example.com>", policy, prefixes=for_all)
    assert isinstance(verdict, Wanted)
    assert verdict.target == "+4930123456"


def test_who_wants_it_is_said_by_the_peer_or_is_the_peer() -> None:
    named = judged(
        "<sip:201@pbx.example.com>", more="Referred-By: <sip:boss@pbx.example.com>;x=1\r\n"
    )
    peer = judged("<sip:201@pbx.example.com>", more="Referred-By: nonsense\r\n")
    assert isinstance(named, Wanted)
    assert isinstance(peer, Wanted)
    assert named.referred_by == "sip:boss@pbx.example.com"
    assert peer.referred_by == "sip:100@pbx.example.com"
