"""Keys of SRTP in an SDP: what is read, what is not, and why."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.srtp.keys import SUITES
from sipua.sip.wire import sdp
from sipua.sip.wire.srtp import sdes
from sipua.sip.wire.srtp.policy import SrtpPolicy
from sipua.sip.wire.srtp.sdes import CryptoLine

KEY = bytes(range(30))
TEXT = base64.b64encode(KEY).decode()
SUITE = "AES_CM_128_HMAC_SHA1_80"


def section(*crypto: str, profile: str = "RTP/SAVP") -> list[str]:
    return [f"m=audio 4000 {profile} 0", *(f"a=crypto:{one}" for one in crypto)]


@pytest.mark.parametrize(
    "keys",
    [
        f"inline:{TEXT}",
        f"inline:{TEXT}|2^20",
        f"inline:{TEXT}|1048576",
        f"inline:{TEXT}|2^48",
        f"inline:{TEXT} WSH=128",
        f"inline:{TEXT} -SOMETHING=1",
        f"inline:{TEXT}  ",
    ],
)
def test_a_line_that_we_can_use(keys: str) -> None:
    assert sdes.read(section(f"7 {SUITE} {keys}")).lines == (CryptoLine(7, SUITE, KEY),)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"1 {SUITE} inline:{TEXT}|2^20|1:4", "MKI"),
        (f"1 {SUITE} inline:{TEXT}|1:4", "MKI"),
        (f"1 {SUITE} inline:{TEXT};inline:{TEXT}", "several keys"),
        (f"1 {SUITE} inline:{TEXT}|2^49", "lifetime"),
        (f"1 {SUITE} inline:{TEXT}|0", "lifetime"),
        (f"1 {SUITE} inline:{TEXT} UNENCRYPTED_SRTP", "UNENCRYPTED_SRTP"),
        (f"1 {SUITE} inline:{TEXT} UNAUTHENTICATED_SRTP", "UNAUTHENTICATED_SRTP"),
        (f"1 {SUITE} inline:{TEXT} KDR=1", "KDR"),
        (f"1 {SUITE} inline:{TEXT[:-4]}", "another length"),
        (f"1 {SUITE} inline:{TEXT}AAAA", "another length"),
        (f"1 {SUITE} inline:{TEXT[:-1]}", "another length"),
        (f"1 {SUITE} inline:{TEXT}!", "a key that is not"),
        (f"1 {SUITE} uri:http://keys", "a key that is not"),
        (f"1 F8_128_HMAC_SHA1_80 inline:{TEXT}", "the suite F8_128_HMAC_SHA1_80"),
        (f"1 {SUITE}", "not of RFC 4568"),
        (f"x {SUITE} inline:{TEXT}", "not of RFC 4568"),
        (f"1234567890 {SUITE} inline:{TEXT}", "not of RFC 4568"),
        (f"1 {SUITE} inline:{'A' * 600}", "not of RFC 4568"),
        ("", "not of RFC 4568"),
    ],
)
def test_S26_a_line_that_we_cannot_use_and_why(line: str, why: str) -> None:
    offered = sdes.read(section(line))
    assert offered.lines == ()
    assert why in offered.cause
    assert TEXT[:20] not in offered.cause
    assert why in sdes.unmet(section(line), "prefer")
    assert why in sdes.unmet(section(line, profile="RTP/AVP"), "require")


def test_the_first_line_that_we_can_use_counts() -> None:
    lines = (f"1 X inline:{TEXT}", f"2 {SUITE} inline:{TEXT}|2^31|1:1", f"3 {SUITE} inline:{TEXT}")
    offered = sdes.read(section(*lines, f"3 {SUITE} inline:{TEXT}", f"4 {SUITE} inline:{TEXT}"))
    assert [line.tag for line in offered.lines] == [3, 4], "and a tag only once"
    assert offered.required
    assert not offered.cause


@pytest.mark.parametrize(
    ("offer", "policy", "cause"),
    [
        (section(f"1 {SUITE} inline:{TEXT}"), "require", ""),
        (section(f"1 {SUITE} inline:{TEXT}"), "prefer", ""),
        (section(f"1 {SUITE} inline:{TEXT}", profile="RTP/AVP"), "require", ""),
        (section(profile="RTP/AVP"), "prefer", ""),
        (section(profile="RTP/AVP"), "off", ""),
        (section(profile="RTP/AVP"), "require", "has no SRTP"),
        (section("1 X inline:x", profile="RTP/AVP"), "prefer", ""),
        (section(), "prefer", "no a=crypto line"),
        (section(), "require", "no a=crypto line"),
    ],
)
def test_S26_which_offers_a_policy_takes(offer: list[str], policy: SrtpPolicy, cause: str) -> None:
    assert (cause in sdes.unmet(offer, policy)) if cause else not sdes.unmet(offer, policy)


def test_lines_are_written_into_the_section_that_is_alive_and_no_other_stays() -> None:
    ours = "v=0\r\nm=audio 0 RTP/SAVP 0\r\na=crypto:1 x\r\nm=audio 4000 RTP/AVP 0 101\r\n"
    ours += "a=crypto:1 of pjsip\r\na=sendrecv\r\nm=video 0 RTP/SAVP 99\r\na=crypto:1 y\r\n"
    line = CryptoLine(2, SUITE, KEY)
    assert sdp.with_keys(ours, [str(line)], "RTP/SAVP").split("\r\n") == [
        "v=0",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 4000 RTP/SAVP 0 101",
        "a=sendrecv",
        f"a=crypto:2 {SUITE} inline:{TEXT}",
        "m=video 0 RTP/SAVP 99",
        "",
    ]
    assert "crypto" not in sdp.with_keys(ours, (), "RTP/AVP")
    assert TEXT not in repr(line)


@given(
    st.integers(0, 999_999_999),
    st.sampled_from(sdes.OURS),
    st.binary(min_size=44, max_size=44),
)
def test_what_is_written_is_read(tag: int, suite: str, key: bytes) -> None:
    line = CryptoLine(tag, suite, key[: SUITES[suite].material_bytes])
    assert sdes.read(["m=audio 1 RTP/AVP 0", str(line)]).lines == (line,)


@given(st.lists(st.text(max_size=600), max_size=40), st.sampled_from(["RTP/SAVP", "RTP/AVP"]))
def test_any_text_is_read_or_refused(lines: list[str], profile: str) -> None:
    offered = sdes.read([f"m=audio 1 {profile} 0", *(f"a=crypto:{line}" for line in lines)])
    assert all(len(line.key) == 30 for line in offered.lines)
    assert bool(offered.lines) != bool(offered.cause) or not lines


@given(
    st.from_regex(
        r"[0-9]{1,12} [A-Z0-9_]{1,70} "
        r"(inline:[A-Za-z0-9+/]{0,200}={0,3}(\|[0-9^:]{1,30}){0,3};?){1,3}"
        r"( [A-Z=0-9-]{1,70}){0,20}",
        fullmatch=True,
    )
)
def test_any_line_that_looks_like_one_is_read_or_refused(line: str) -> None:
    offered = sdes.read(section(line))
    assert bool(offered.lines) != bool(offered.cause)
