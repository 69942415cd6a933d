"""Our address goes into pjsip's SDP, and nowhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.wire.sdp import (
    ExtendedRtcp,
    announced_ssrcs,
    body,
    offered_host,
    offers_rtcp_mux,
    rewrite_local,
    wants_extended_rtcp,
)

PJSIP_ANSWER = "\r\n".join(
    [
        "v=0",
        "o=- 4004240069 4004240070 IN IP4 127.0.0.1",
        "s=pjmedia",
        "b=AS:84",
        "t=0 0",
        "a=X-nat:0",
        "m=audio 4000 RTP/AVP 0 101",
        "c=IN IP4 127.0.0.1",
        "b=TIAS:64000",
        "a=rtcp:4001 IN IP4 127.0.0.1",
        "a=recvonly",
        "a=rtpmap:0 PCMU/8000",
        "a=ssrc:1136 cname:0037",
        "m=video 0 RTP/AVP 96",
        "c=IN IP4 127.0.0.1",
        "",
    ]
)


def test_port_address_and_ptime_are_ours() -> None:
    lines = rewrite_local(PJSIP_ANSWER, "192.0.2.7", 16400, 20).split("\r\n")
    assert "m=audio 16400 RTP/AVP 0 101" in lines
    assert "o=- 4004240069 4004240070 IN IP4 192.0.2.7" in lines
    audio = lines.index("m=audio 16400 RTP/AVP 0 101")
    assert lines[audio + 1] == "c=IN IP4 192.0.2.7"
    assert "a=ptime:20" in lines


def test_what_belongs_to_pjsips_own_transport_is_gone() -> None:
    text = rewrite_local(PJSIP_ANSWER, "192.0.2.7", 16400, 20)
    assert "a=rtcp:" not in text
    assert "a=ssrc:" not in text
    assert "audio 4000" not in text


def test_direction_survives() -> None:
    assert "a=recvonly" in rewrite_local(PJSIP_ANSWER, "192.0.2.7", 16400, 20)


def test_S7_a_rejected_line_stays_rejected() -> None:
    assert "m=video 0 RTP/AVP 96" in rewrite_local(PJSIP_ANSWER, "192.0.2.7", 16400, 20)
    only_rejected = PJSIP_ANSWER.replace("m=audio 4000", "m=audio 0")
    assert "m=audio 0 " in rewrite_local(only_rejected, "192.0.2.7", 16400, 20)


def test_only_the_first_live_audio_line_is_ours() -> None:
    two = PJSIP_ANSWER + "m=audio 5000 RTP/AVP 8\r\n"
    text = rewrite_local(two, "192.0.2.7", 16400, 20)
    assert text.count("16400") == 1
    assert "m=audio 5000 RTP/AVP 8" in text


def test_R1_the_ssrc_that_an_offer_announces() -> None:
    assert announced_ssrcs(PJSIP_ANSWER) == {1136}
    several = PJSIP_ANSWER.replace("a=ssrc:1136", "a=ssrc:4294967295 label:x\r\na=ssrc:1136")
    assert announced_ssrcs(several) == {1136, 4294967295}
    assert announced_ssrcs(PJSIP_ANSWER.replace("m=audio 4000", "m=audio 0")) == set()
    assert announced_ssrcs("") == set()


def test_R1_ssrcs_that_are_none_are_not_read_and_their_number_is_bounded() -> None:
    for wrong in ("4294967296", "-1", "1136x", "99999999999", ""):
        assert announced_ssrcs(PJSIP_ANSWER.replace("1136", wrong)) == set()
    many = "".join(f"a=ssrc:{number} cname:x\r\n" for number in range(1, 5000))
    assert len(announced_ssrcs(PJSIP_ANSWER.replace("a=recvonly\r\n", many))) == 32


def test_an_ipv6_address_is_named_as_such() -> None:
    assert "c=IN IP6 2001:db8::7" in rewrite_local(PJSIP_ANSWER, "2001:db8::7", 16400, 20)


def test_rtcp_shares_the_port_only_when_that_was_agreed() -> None:
    alone = rewrite_local(PJSIP_ANSWER, "192.0.2.7", 16400, 20)
    assert "rtcp" not in alone
    shared = rewrite_local(PJSIP_ANSWER, "192.0.2.7", 16400, 20, rtcp_mux=True)
    assert shared.count("a=rtcp-mux") == 1
    assert shared.index("m=audio") < shared.index("a=rtcp-mux") < shared.index("m=video")
    # What it was before an earlier answer put it there.
    assert rewrite_local(shared, "192.0.2.7", 16400, 20) == alone
    assert rewrite_local(shared, "192.0.2.7", 16400, 20, rtcp_mux=True) == shared


def test_an_offer_of_one_port_is_that_of_the_section_we_answer() -> None:
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
    audio, dead, video = (
        "m=audio 4000 RTP/AVP 0\r\n",
        "m=audio 0 RTP/AVP 0\r\n",
        "m=video 4002 RTP/AVP 96\r\n",
    )
    mux = "a=rtcp-mux\r\n"
    assert offers_rtcp_mux(head + audio + "a=sendrecv\r\n" + mux)
    assert offers_rtcp_mux(head + dead + audio + mux)
    assert not offers_rtcp_mux(head + audio + video + mux)
    assert not offers_rtcp_mux(head + dead + mux + audio)
    assert not offers_rtcp_mux(head + audio + "a=rtcp-mux-only\r\n")
    assert not offers_rtcp_mux(head + mux)
    assert not offers_rtcp_mux("")


def test_extended_reports_are_sent_when_they_are_asked_for() -> None:
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
    audio, asks = "m=audio 4000 RTP/AVP 0\r\n", "a=rtcp-xr:rcvr-rtt=all:10 voip-metrics\r\n"
    other = "m=video 4002 RTP/AVP 96\r\n"

    def wanted(offer: str, configured: ExtendedRtcp = "auto", *, before: bool = False) -> bool:
        return wants_extended_rtcp(offer, configured, before)

    assert wanted(head + audio + asks)
    assert wanted(head + asks + audio)
    assert wanted(head + audio + "a=rtcp-xr:voip-metrics\r\n")
    for line in (
        "a=rtcp-xr:stat-summary=loss\r\n",
        "a=rtcp-xr:voip-metricsx\r\n",
        "a=rtcp-xr:\r\n",
    ):
        assert not wanted(head + audio + line)
    assert not wanted(head + audio + other + asks)
    assert not wanted(head + audio, before=True)
    assert not wanted(head + audio + asks, "off")
    assert wanted(head + audio, "always")
    # An offer of ours: what was agreed stays.
    assert (wanted("", before=True), wanted("")) == (True, False)


def test_the_line_that_asks_stands_once() -> None:
    asked = rewrite_local(PJSIP_ANSWER, "192.0.2.7", 16400, 20, rtcp_xr=True)
    assert asked.count("a=rtcp-xr:voip-metrics") == 1
    assert asked.index("m=audio") < asked.index("a=rtcp-xr") < asked.index("m=video")
    assert rewrite_local(asked, "192.0.2.7", 16400, 20, rtcp_xr=True) == asked
    assert "rtcp" not in rewrite_local(asked, "192.0.2.7", 16400, 20)


@given(st.text(max_size=200))
def test_no_text_fails_the_search_for_one_port(text: str) -> None:
    assert offers_rtcp_mux("m=" + text) in (True, False)


def test_where_an_offer_wants_its_audio() -> None:
    head, session = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n", "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    audio, video = "m=audio 4000 RTP/AVP 0\r\n", "m=video 4002 RTP/AVP 96\r\n"
    own = "c=IN IP6 2001:db8::9\r\n"
    assert offered_host(head + session + audio) == "192.0.2.1"
    assert offered_host(head + session + audio + own) == "2001:db8::9"
    assert offered_host(head + session + video + own + audio) == "192.0.2.1"
    assert offered_host(head + session + "m=audio 0 RTP/AVP 0\r\n" + own + audio) == "192.0.2.1"
    assert offered_host(head + "c=IN IP4 224.2.1.1/127\r\n" + audio) == "224.2.1.1"
    assert offered_host(head + session + "c=IN IP4 192.0.2.9\r\n" + audio) == "192.0.2.9"
    for nowhere in ("", head + session, head + audio, head + "c=IN IP4\r\n" + audio):
        assert offered_host(nowhere) == ""


def test_an_offer_that_is_a_part_of_a_body() -> None:
    message = (
        "INVITE sip:a SIP/2.0\r\nc: multipart/mixed;boundary=x\r\nm: <sip:b@c>\r\n\r\n"
        "--x\r\nContent-Type: application/sdp\r\n\r\n"
        "v=0\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n--x--\r\n"
    )
    assert offered_host(body(message)) == "2001:db8::9"
    assert body("INVITE sip:a SIP/2.0\n\nv=0") == "v=0"


@given(st.text(max_size=200))
def test_no_text_fails_the_search_for_an_address(text: str) -> None:
    assert isinstance(offered_host("v=0\nc=" + text + "\nm=audio 1 x 0\n" + text), str)
