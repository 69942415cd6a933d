"""Bodies: SDP, multipart, keys by INFO, sipfrag."""

from __future__ import annotations

from random import Random

from support.fuzz import hostile

RIGHT = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\na=sendrecv\r\n"
)
_SESSION = (
    *("i=x", "u=http://x", "e=a@b", "p=+49 30 1", "b=AS:64", "b=X-YZ:128", "r=7d 1h 0 25h"),
    *("z=1 -1h 2 0", "k=prompt", "a=group:BUNDLE 0 1", "a=ice-lite", "a=msid-semantic: WMS *"),
    *("a=setup:actpass", "a=fingerprint:sha-256 00:11", "c=IN IP4 0.0.0.0", "c=IN IP6 ::1"),
    *("c=IN IP4 224.2.1.1/127/3", "c=IN IP4 host.invalid", "c=ATM x y", "a=inactive", "=", "x"),
)
_MEDIA = (
    *("m=audio {p} RTP/AVP 0", "m=audio {p} RTP/AVP 8 0", "m=audio {p} RTP/SAVP 0"),
    *("m=audio {p} UDP/TLS/RTP/SAVPF 111 0", "m=audio {p}/2 RTP/AVP 0", "m=video {p} RTP/AVP 96"),
    *("m=image {p} udptl t38", "m=audio 0 RTP/AVP 0", "m=application {p} DTLS/SCTP 5000"),
    *("m=audio {p} RTP/AVP", "m=audio {p}", "m=audio", "m=", "m=audio -1 RTP/AVP 0"),
    *("m=audio 65536 RTP/AVP 0", "m=audio 4294967305 RTP/AVP 0", "m=audio {p} RTP/AVP 0 65535 -1"),
    "m=audio {p} RTP/AVP " + " ".join(map(str, range(300))),
    "m=message {p} TCP/MSRP *",
)
_ATTRIBUTES = (
    *("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU/0", "a=rtpmap:0 PCMU/4294967296/99", "a=rtpmap:"),
    *("a=rtpmap:0", "a=rtpmap:999 X/8000", "a=rtpmap:96 opus/48000/2", "a=rtpmap:x y"),
    *("a=fmtp:101 0-16", "a=fmtp:", "a=fmtp:96", "a=fmtp:101 0-15,0-999999,-", "a=ptime:0"),
    *("a=ptime:20", "a=ptime:65535", "a=ptime:-1", "a=maxptime:x", "a=sendonly", "a=recvonly"),
    *("a=inactive", "a=sendrecv", "a=rtcp:9", "a=rtcp:99999 IN IP4 x", "a=rtcp-mux", "a=rtcp-xr:"),
    *("a=rtcp-xr:voip-metrics pkt-loss-rle=1", "a=ssrc:1 cname:x", "a=ssrc:99999999999 x"),
    "a=candidate:1 1 UDP 1 127.0.0.1 9 typ host",
    "a=candidate:1 1 UDP 99999999999999 [::1 99999 typ",
    *("a=ice-ufrag:x", "a=ice-pwd:" + "y" * 300, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x"),
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw|2^20|1:4",
    *("a=setup:active", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=mid:0", "a=label:x"),
    *("a=X-nonsense", "a=", "a", "b=RS:0", "c=IN IP4 127.0.0.1", "c=IN IP6 ::", "i=x", "k=clear:x"),
)


def sdp(random: Random) -> str:
    """The one that every phone sends, in more than half of all; else lines of the grammar."""
    if random.random() < 0.55:
        return RIGHT
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-"]
    if random.random() < 0.9:
        lines.append("c=IN IP4 127.0.0.1")
    lines += random.sample(_SESSION, random.choice((0, 0, 1, 3)))
    lines.append("t=0 0")
    for _ in range(random.choice((0, 1, 1, 1, 1, 2, 3, 17))):
        lines.append(random.choice(_MEDIA).format(p=random.choice((9, 4000, 65535))))
        lines += random.sample(_ATTRIBUTES, random.choice((0, 1, 2, 4, 12)))
    if random.random() < 0.15:
        random.shuffle(lines)
    return random.choice(("\r\n",) * 9 + ("\n", "\r", "")).join(lines) + "\r\n"


def of(random: Random, method: str) -> tuple[str, str]:
    """Content-Type and body; empty where a method seldom has one."""
    if method in ("INVITE", "UPDATE") or (method in ("ACK", "PRACK") and random.random() < 0.2):
        if random.random() < 0.08:
            return "application/sdp", ""
        body = sdp(random)
        return multipart(random, body) if random.random() < 0.12 else ("application/sdp", body)
    if method == "INFO":
        return random.choice(_KEYS)
    if method == "NOTIFY":
        return random.choice(_NOTIFIED)
    if method in ("MESSAGE", "PUBLISH", "OPTIONS") and random.random() < 0.5:
        return random.choice((("text/plain", hostile.text(random)), multipart(random, "x")))
    return "", ""


def multipart(random: Random, inner: str) -> tuple[str, str]:
    boundary = random.choice(("b", "b" * 70, "", '"b"', "b c", "--", "b" * 300, '"'))
    plain = boundary.strip('"')
    parts = [
        f"--{plain}\r\nContent-Type: application/sdp\r\nContent-ID: <1@x>\r\n\r\n{inner}",
        f"--{plain}\r\nContent-Type: text/plain\r\n\r\nhello",
        f"--{plain}\r\n\r\n",
        f"--{plain}\r\nContent-Type: multipart/mixed;boundary={plain}\r\n\r\n--{plain}--",
        f"--{plain}\r\nContent-ID: <\r\nContent-Length: 99999\r\n\r\n{inner}",
        f"--{plain}\r\nContent-Transfer-Encoding: base64\r\nContent-Type: a/isup\r\n\r\nAQ",
    ]
    chosen = random.sample(parts, random.randint(1, 4)) * random.choice((1, 1, 1, 30))
    end = random.choice((f"--{plain}--\r\n", f"--{plain}--", "", "--", f"\r\n--{plain}--\r\nafter"))
    kind = random.choice(("mixed", "related", "alternative", "*", ""))
    return f"multipart/{kind};boundary={boundary}", "\r\n".join([*chosen, end])


_KEYS = (
    ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
    ("application/dtmf-relay", "Signal= \r\nDuration=99999999999\r\n"),
    ("application/dtmf-relay", "Signal=" + "5" * 2000),
    ("application/dtmf-relay", ""),
    ("application/dtmf", "5"),
    ("application/dtmf", "\udcff"),
    ("application/media_control+xml", "<media_control/>"),
    ("text/plain", "x"),
    ("", ""),
)
_NOTIFIED = (
    ("message/sipfrag;version=2.0", "SIP/2.0 200 OK\r\n"),
    ("message/sipfrag", "SIP/2.0 999999999999 X"),
    ("message/sipfrag", "SIP/2.0"),
    ("message/sipfrag", ""),
    ("message/sipfrag", "INVITE sip:a SIP/2.0\r\n\r\n"),
    ("application/simple-message-summary", "Messages-Waiting: yes\r\n"),
    ("application/pidf+xml", "<presence>" * 200),
    ("", ""),
)
