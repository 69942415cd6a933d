"""Messages as SIP's grammar has them: right ones, with much of what it allows and few send."""

from __future__ import annotations

from random import Random

from support.fuzz import bodies, hostile
from support.fuzz.message import LENGTH, Message

METHODS = (
    *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "REFER", "INFO", "NOTIFY", "UPDATE"),
    *("PRACK", "MESSAGE", "SUBSCRIBE", "PUBLISH", "NEWMETHOD"),
)
WITHIN = (
    *("INVITE", "BYE", "UPDATE", "INFO", "REFER", "NOTIFY", "PRACK", "MESSAGE", "OPTIONS"),
    *("SUBSCRIBE", "ACK", "CANCEL"),
)
DIALOG = "sip:fuzz@{{me}}"


def request(random: Random, method: str, *, dialog: bool = False) -> Message:
    """With `dialog`: of the call that the caller has."""
    cseq = "{{cseq}}" if dialog else "1"
    message = Message(
        f"{method} {'{{target}}' if dialog else 'sip:agent@{{edge}}'} SIP/2.0",
        [
            ("Via", "SIP/2.0/{{over}} {{me}};branch={{branch}};rport"),
            ("From", "{{from}}"),
            ("To", "{{to}}" if dialog else "<sip:agent@{{edge}}>"),
            ("Call-ID", "{{call_id}}"),
            ("CSeq", f"{cseq} {method}"),
            ("Max-Forwards", "70"),
        ],
        method=method,
    )
    if method not in ("ACK", "BYE", "CANCEL"):
        message.headers.append(("Contact", f"<{DIALOG}>"))
    for name, values in _OF_METHOD.get(method, {}).items():
        message.headers.append((name, random.choice(values)))
    more = random.choice((0, 0, 1, 2, 5))
    for name in random.sample(sorted(_OPTIONAL), more):
        message.headers.append((name, random.choice(_OPTIONAL[name])))
    kind, body = bodies.of(random, method)
    if body:
        message.headers.append(("Content-Type", kind))
        message.body = body
    message.headers.append(("Content-Length", LENGTH))
    return message


def response(random: Random, method: str) -> Message:
    """To a request of the edge, which the placeholders name."""
    status = random.choice(_STATUSES.get(method, ()) + _ALL_STATUSES)
    message = Message(
        f"SIP/2.0 {status} Some Reason",
        [
            ("Via", "{{r:Via}}"),
            ("From", "{{r:From}}"),
            ("To", "{{r:To}}"),
            ("Call-ID", "{{r:Call-ID}}"),
            ("CSeq", "{{r:CSeq}}"),
        ],
        method=method,
    )
    for name, values in _OF_STATUS.get(status, {}).items():
        message.headers.append((name, random.choice(values)))
    for name in random.sample(sorted(_OF_ANSWERS), random.choice((0, 0, 1, 3))):
        message.headers.append((name, random.choice(_OF_ANSWERS[name])))
    if method == "REGISTER" and status == 200:
        message.headers.append(("Contact", random.choice(_BINDINGS)))
    if method == "INVITE" and 100 < status < 300:
        message.headers += [("Contact", f"<{DIALOG}>")]
        if status in (183, 200) or random.random() < 0.2:
            message.headers.append(("Content-Type", "application/sdp"))
            message.body = bodies.sdp(random)
    message.headers.append(("Content-Length", LENGTH))
    return message


_ALL_STATUSES = (
    *(100, 180, 183, 200, 202, 299, 300, 302, 305, 380, 400, 401, 404, 405, 407, 408, 413, 415),
    *(416, 420, 421, 422, 423, 480, 481, 482, 483, 486, 487, 488, 489, 491, 493, 494, 500, 501),
    *(503, 504, 505, 513, 580, 600, 603, 606, 699),
)
_STATUSES = {
    "REGISTER": (
        *(200,) * 60,
        *(401,) * 60,
        *(407,) * 20,
        *(423,) * 20,
        *(503,) * 10,
        *(302,) * 10,
    ),
    "INVITE": (*(200,) * 60, *(183,) * 40, *(180,) * 20, *(401,) * 20, *(407,) * 20, *(302,) * 10),
    "BYE": (200,) * 40,
    "OPTIONS": (200,) * 40,
}
_CHALLENGES = (
    'Digest realm="fuzz", nonce="abc", algorithm=MD5, qop="auth"',
    'Digest realm="fuzz", nonce="abc", algorithm=MD5, qop="auth", stale=true, opaque="x"',
    'Digest realm="fuzz",nonce="abc",algorithm=SHA-256,qop="auth,auth-int"',
    'Digest realm="fuzz",nonce="abc",algorithm=SHA-512-256-sess,qop="auth-int"',
    'Digest realm="fuzz",nonce="abc",algorithm=AKAv1-MD5,qop=auth',
    'Digest realm="", nonce=""',
    "Digest",
    "Basic realm=x",
    'Digest realm="*", nonce="a", domain="sip:a sip:b", charset=UTF-8, userhash=true',
)
_OF_STATUS = {
    401: {"WWW-Authenticate": _CHALLENGES},
    407: {"Proxy-Authenticate": _CHALLENGES},
    302: {"Contact": ("<sip:fuzz@{{me}}>", "<sip:a@{{me}}>;q=0.5, <sip:b@{{me}}>;q=1.0", "*")},
    305: {"Contact": ("<sip:{{me}}>",)},
    420: {"Unsupported": ("100rel, timer", "")},
    421: {"Require": ("100rel", "timer, 100rel, nonsense")},
    422: {"Min-SE": ("90", "1800", "4294967295")},
    423: {"Min-Expires": ("60", "3600", "4294967295", "0")},
    503: {"Retry-After": ("1", "0", "3600 (later);duration=1", "4294967295")},
    493: {"Retry-After": ("1",)},
}
_BINDINGS = (
    "{{r:Contact}}",
    "{{r:Contact}};expires=30",
    "<sip:other@192.0.2.1>;expires=4294967295, {{r:Contact}};expires=5",
    "*",
    "<sip:fuzz@{{me}}>;expires=0",
    '{{r:Contact}};expires=30;+sip.instance="<urn:uuid:0>";reg-id=1;pub-gruu="sip:x@y;gr=1"',
)
_OF_ANSWERS = {
    "Allow": ("INVITE, ACK, BYE", "", ",".join(f"M{n}" for n in range(40))),
    "Supported": ("100rel, timer, replaces, path, outbound, gruu", ""),
    "Require": ("100rel", "timer", "nonsense"),
    "RSeq": ("1", "4294967295", "0"),
    "Record-Route": ("<sip:{{me}};lr>", "<sip:{{me}}>", "<sip:a;lr>, <sip:b;lr>, <sip:{{me}};lr>"),
    "Service-Route": ("<sip:{{me}};lr>",),
    "Path": ("<sip:{{me}};lr>",),
    "Expires": ("0", "1", "300", "4294967295"),
    "Session-Expires": ("90;refresher=uac", "1800;refresher=uas", "1", "4294967295"),
    "Date": ("Sat, 13 Nov 2010 23:29:00 GMT",),
    "Warning": ('399 x "text"', '99999 "'),
    "Reason": ('Q.850;cause=16;text="x"', "SIP;cause=200"),
    "P-Asserted-Identity": ('"A" <sip:a@b>, <tel:+49>',),
    "Refer-Sub": ("false",),
    "Content-Type": ("multipart/mixed;boundary=", "text/plain"),
    "Authentication-Info": ('nextnonce="x", qop=auth, rspauth="0", cnonce="", nc=00000001',),
}
_REFERS = (
    "<sip:200@{{me}}>",
    "sip:200@{{me}}",
    "<sip:200@{{me}};method=INVITE?Replaces={{call_id}}%3Bto-tag%3Da%3Bfrom-tag%3Db>",
    "<sip:200@{{me}}?X-Evil=1%0D%0AVia:%20x>",
    "<tel:+4990012345>",
    "<sip:200@{{me}};method=BYE>",
    "<sip:200@{{me}};method=SUBSCRIBE?Event=x>",
)
_OF_METHOD = {
    "REFER": {"Refer-To": _REFERS, "Referred-By": ("<sip:x@y>", '"A" <sip:x@y>;cid="1@y"')},
    "NOTIFY": {
        "Event": ("refer", "refer;id=1", "message-summary", "keep-alive", "check-sync", "presence"),
        "Subscription-State": ("active;expires=60", "terminated;reason=noresource", "pending", "x"),
    },
    "SUBSCRIBE": {"Event": ("presence", "dialog", "refer", ""), "Expires": ("0", "60")},
    "PUBLISH": {"Event": ("presence",)},
    "PRACK": {"RAck": ("1 1 INVITE", "{{rseq}} 1 INVITE", "0 0 X", "4294967296 1 INVITE")},
    "REGISTER": {"Expires": ("0", "60"), "Authorization": ('Digest username="a", realm="b"', "x")},
    "INFO": {"Info-Package": ("dtmf", "x")},
}
_OPTIONAL = {
    "Accept": ("application/sdp", "*/*;q=0.1, multipart/*", ""),
    "Accept-Contact": ("*;audio;require",),
    "Alert-Info": ("<http://x/y>;a=b",),
    "Allow-Events": ("refer, presence", ""),
    "Authorization": (
        'Digest username="a",realm="fuzz",nonce="b",uri="sip:c",response="d"',
        "Digest",
    ),
    "Call-Info": ("<http://x>;purpose=icon",),
    "Content-Disposition": ("session;handling=optional", "render"),
    "Content-Encoding": ("gzip", ""),
    "Date": ("Sat, 13 Nov 2010 23:29:00 GMT", "x"),
    "Diversion": ("<sip:1@b>;reason=unconditional;counter=1", "<sip:1@b>" + ", <sip:2@c>" * 20),
    "Expires": ("0", "30", "4294967295"),
    "History-Info": ("<sip:1@b>;index=1, <sip:2@b?Reason=SIP%3Bcause%3D302>;index=1.1",),
    "Identity": ("eyJ.eyJ.x;info=<https://127.0.0.1/c>;alg=ES256;ppt=shaken", "x;info=", '""'),
    "In-Reply-To": ("a@b, c@d",),
    "Join": ("x;to-tag=a;from-tag=b",),
    "MIME-Version": ("1.0",),
    "Min-SE": ("90", "4294967295"),
    "P-Asserted-Identity": ('"A" <sip:+49301@b>', "<tel:+1>, <sip:a@b>", "x"),
    "P-Early-Media": ("supported",),
    "Privacy": ("id;header;user", "none"),
    "Proxy-Authorization": ('Digest username="a"',),
    "Proxy-Require": ("foo",),
    "Record-Route": ("<sip:{{me}};lr>", "<sip:a;lr>, <sip:b>", "<sip:{{edge}};lr>"),
    "Reject-Contact": ('*;actor="msg-taker"',),
    "Remote-Party-ID": ('"A" <sip:1@b>;party=calling;privacy=full;screen=yes',),
    "Replaces": (
        "{{call_id}};to-tag=a;from-tag=b",
        "x;early-only",
        "a;to-tag=b;from-tag=c;to-tag=d",
    ),
    "Reply-To": ("<sip:a@b>",),
    "Require": ("100rel", "timer", "replaces", "nonsense, 100rel", ""),
    "Route": ("<sip:{{edge}};lr>", "<sip:{{me}};lr>", "<sip:a>, <sip:b>"),
    "Session-Expires": ("90", "1800;refresher=uac", "1", "4294967295;refresher=x"),
    "Subject": ("x", "=?utf-8?q?x?="),
    "Supported": ("100rel, timer, replaces, norefersub, outbound", ""),
    "Timestamp": ("54.1 0.2", "x"),
    "User-Agent": ("fuzz/1 (x)", "(", ""),
    "User-to-User": ("00c3a4;encoding=hex",),
    "Via": ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=192.0.2.2;ttl=1;maddr=224.2.0.1",),
    "Warning": ('399 x "y"',),
    "X-Account": ("12345", hostile.PIECES[9]),
}
