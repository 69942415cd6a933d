"""Any request is judged without an exception, and what is kept of it is clean text of a bounded
length: what admission, the caller's identity, REFER, INFO and the offer are read from."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from sipua.sip.admission import offer, soundness
    from sipua.sip.parties import name_addr, refer
    from sipua.sip.parties.numbers import number_format
    from sipua.sip.parties.policy import PeerPolicy
    from sipua.sip.parties.refer import ReferPolicy
    from sipua.sip.wire import codecs, sdp, texts
    from sipua.sip.wire.info_digits import InfoDigits
    from sipua.sip.wire.keying import Keying

POLICY = PeerPolicy(
    trusted=True,
    form=number_format({"0": "+49", "00": "+"}),
    allowed_numbers=("+49*", "!+4990*"),
    headers_in=("Subject", "X-Account"),
    refer=ReferPolicy(True, ("+49*", "2*", "*@pbx.example.com"), True, frozenset({"pbx"})),
)
METHODS = ("INVITE", "OPTIONS", "REFER", "INFO", "NOTIFY")
HEAD = "INVITE sip:agent@x SIP/2.0\r\nContent-Type: application/sdp\r\n"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0\r\n"
)
LONGEST = 8_192
FAMILIES = ("IP4", "IP6")


def test_one_input(data: bytes) -> None:
    method = METHODS[data[0] % len(METHODS)] if data else "INVITE"
    raw = data[1:].decode("utf-8", "surrogateescape")
    for text in (raw, HEAD + raw, HEAD + "\r\n" + SDP + raw):
        soundness.unsound(method, text)
        message = texts.Message(text)
        parties = POLICY.read(message)
        for kept in (str(parties.caller.number), str(parties.caller.name), str(parties.called)):
            assert len(kept) <= LONGEST
            assert not any(ord(one) < 32 for one in kept), kept
        for name, kept in parties.headers.items():
            assert kept.isprintable(), (name, kept)
        POLICY.refused_by(message)
        judged = refer.judge(message, POLICY.refer, belongs=lambda host: host == "127.0.0.1")
        assert "\n" not in str(judged.shown if isinstance(judged, refer.Wanted) else judged.target)
        InfoDigits().read(text, 0.0)
        offer.refusal(text, ("PCMU", "PCMA"), FAMILIES, "prefer")
    body = SDP + raw
    offer.unmet(body, ("PCMU",), FAMILIES)
    offer.misplaced(body, FAMILIES)
    for read in (
        sdp.audio,
        sdp.offers_rtcp_mux,
        sdp.announced_ssrcs,
        sdp.offered_host,
        sdp.sections,
    ):
        read(body)
    sdp.rewrite_local(body, "192.0.2.1", 4000, 20)
    codecs.for_answer(body, ("PCMA",))
    keys = Keying("prefer")
    keys.write_answer(SDP, body)
    keys = Keying("prefer")
    keys.write_offer(SDP)
    keys.read_answer(body)
    for one in name_addr.listed(texts.line(raw), 8):
        assert "\n" not in name_addr.parse(one).user


SEEDS = (
    'From: "A" <sip:030123@x;user=phone>;tag=1\r\nTo: <sip:b@y>\r\nCSeq: 1 INVITE\r\nPrivacy: id',
    "P-Asserted-Identity: <tel:+1>, <sip:a@b>\r\nDiversion: <sip:1@b>;privacy=full\r\nf: <x:y>",
    "Refer-To: <sip:200@pbx?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\nReferred-By: <sip:a@b>",
    "Content-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160",
    "Content-Type: multipart/x;boundary=b\r\n\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=ssrc:1 cname:x\r\na=rtcp-mux",
    "a=rtpmap:0 PCMU/8000\r\nm=video 0 RTP/SAVP 1\r\na=rtcp-mux\r\nc=IN IP6 ::1",
    "History-Info: <sip:1@b>;index=1\r\nRequire: 100rel\r\nMax-Forwards: 0\r\nContent-Length: 99",
)
if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
    for number, text in enumerate(SEEDS):
        (Path(sys.argv[1]) / f"seed-{number}").write_bytes(b"\0" + text.encode())

atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()
