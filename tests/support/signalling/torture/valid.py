"""RFC 4475, 3.1.1: well formed, and still hard to read."""

from support.signalling.torture.draft import DROPPED, SDP, Draft, torture


@torture("3.1.1.1", 200)
def wsinv(draft: Draft) -> None:
    """Folded lines, blanks around all separators, compact names, leading zeros."""
    draft.invite()
    draft.uri = f"sip:agent@{draft.edge};someparameter"
    draft.lines |= {
        "Via": f"v :  SIP  / 2.0\r\n /{draft.over}\r\n    {draft.me} ;\r\n\t branch =  "
        f"z9hG4bK{draft.unique}  ,\r\n SIP /   2.0 / UDP 192.0.2.7  ; branch=\r\n z9hG4bKold",
        "From": f'fRoM   : "A tester \\\\\\""   <sip:tester@{draft.me}>\r\n  ;\r\n  tag = f1',
        "To": f"TO :\r\n <sip:agent@{draft.edge}>",
        "CSeq": "cseq: 0009\r\n  INVITE",
        "Max-Forwards": "MaX-fOrWaRdS: 0068",
        "Contact": f'm:"In \\"quotes\\"" <sip:tester@{draft.me}> ; one =\r\n 1;\r\n two; q = 0.3',
        "Subject": "s :",
        "X-Folded": "X-Folded:   begins\r\n and goes on",
        "X-Odd": "X-Odd: ;;,,;;,;",
        "Content-Length": f"l   : {len(SDP)}",
    }


@torture("3.1.1.2", 405, 501, DROPPED)
def intmeth(draft: Draft) -> None:
    """Every character that a token may have, in method, URI, branch, tag and names."""
    draft.method = "!an-Unusual0123456789_*+`.%method'~"
    draft.uri = (
        f"sip:1_odd.user~(which-is!one)&isn't+it$/so?,/;;*:&a+b=1,w!*x$y~z_(no)@{draft.edge}"
    )
    draft.lines |= {
        "Via": f"Via: SIP/2.0/{draft.over} {draft.me};branch=z9hG4bK-.!%66*_+`'~{draft.unique}",
        "To": f'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_odd.user~@{draft.edge}>',
        "From": "From: token1~` token2'+_ token3*%!.- "
        f"<sip:tester@{draft.me}>;parameter''~+*_!.-%=\"ü€\";tag=_token~1'+`*%!-.",
        "Call-ID": f"Call-ID: {draft.unique}%ZK-!.*_+'@word`~)(><:\\/\"][?}}{{",
        "X": "extension-!.%*+_`'~: \ufeff€ü",
    }


@torture("3.1.1.3", 200)
def esc01(draft: Draft) -> None:
    """Escapes in the URI that must not be taken for what they stand for."""
    draft.invite()
    draft.uri = f"sip:sips%3Auser%40example.com@{draft.edge};other-param=summit"
    draft.lines |= {
        "To": "To: sip:%75se%72@example.com",
        "From": f"From: <sip:I%20have%20blanks@example.net>;tag=f{draft.unique}",
        "Contact": f"Contact: <sip:cal%6Cer@{draft.me};%6C%72;n%61me=v%61lue%25%34%31>",
    }


@torture("3.1.1.4", 403, 404, 405, 501, DROPPED)
def escnull(draft: Draft) -> None:
    """An escaped NUL in URIs."""
    draft.method = "REGISTER"
    draft.lines |= {
        "To": "To: sip:null-%00-null@example.com",
        "From": f"From: sip:null-%00-null@example.com;tag=f{draft.unique}",
        "Contact": f"Contact: <sip:%00@{draft.me}>\r\nContact: <sip:%00%00@{draft.me}>",
    }


@torture("3.1.1.5", 405, 501, DROPPED)
def esc02(draft: Draft) -> None:
    """A method with what would be an escape elsewhere: it is not REGISTER."""
    draft.method = "RE%47IST%45R"
    draft.uri = f"sip:agent@{draft.edge}"
    draft.lines |= {
        "To": 'To: "%Z%45" <sip:resource@example.com>',
        "From": f'From: "%Z%45" <sip:resource@example.com>;tag=f{draft.unique}',
        "Contact": f"Contact: <sip:alias1@{draft.me}>, <sip:alias%32@{draft.me};expires=3600>",
    }


@torture("3.1.1.6", 200)
def lwsdisp(draft: Draft) -> None:
    """No blank between the display name and its `<`."""
    draft.lines["From"] = f"From: tester<sip:tester@{draft.me}>;tag=f{draft.unique}"


@torture("3.1.1.7", 200, 413, 513)
def longreq(draft: Draft) -> None:
    """Long values everywhere, none of them too long by any rule."""
    draft.invite()
    long = "long-" * 60
    draft.uri = f"sip:agent@{draft.edge};unknown={long}1"
    vias = "".join(f"\r\nVia: SIP/2.0/TCP hop{n}.example.com;branch=z9hG4bK{n}" for n in range(33))
    draft.lines |= {
        "Via": f"Via: {draft.via()};p={long}{vias}",
        "From": f'From: "{long * 3}" <sip:tester@{draft.me};u={long}>;tag=f{draft.unique};x={long}',
        "To": f'To: "{long}" <sip:agent@{draft.edge}>',
        "Call-ID": f"Call-ID: {draft.unique}{long}",
        "Contact": f"Contact: <sip:{long[:200]}@{draft.me}>",
        "X": f"X-{long}: {long * 2}",
    }


@torture("3.1.1.8", 200)
def dblreq(draft: Draft) -> None:
    """A datagram with a second request behind the end of the first one: that is no request."""
    draft.lines["Content-Length"] = "Content-Length: 0"
    if draft.over == "UDP":
        second = Draft(draft.me, draft.edge, draft.over, f"{draft.unique}second")
        second.invite()
        draft.behind = second.written().decode()


@torture("3.1.1.9", 200)
def semiuri(draft: Draft) -> None:
    """A semicolon in the user part begins no parameter."""
    draft.uri = f"sip:user;par=u%40example.net@{draft.edge}"


@torture("3.1.1.10", 200)
def transports(draft: Draft) -> None:
    """Vias of all transports, known and unknown."""
    older = ("UDP t1", "SCTP t2", "TLS t3", "UNKNOWN t4", "TCP t5")
    vias = (f"\r\nVia: SIP/2.0/{one}.example.com;branch=z9hG4bK{one[-2:]}" for one in older)
    draft.lines["Via"] = f"Via: {draft.via()}" + "".join(vias)


@torture("3.1.1.11", 200, 403, 405, 415, 501)
def mpart01(draft: Draft) -> None:
    """A body in parts, one of them with bytes that are no text."""
    draft.method = "MESSAGE"
    draft.lines["Content-Type"] = 'Content-Type: multipart/mixed; boundary="7a9cbec0"'
    part = "--7a9cbec0\r\nContent-Type: "
    draft.body = (
        f"{part}text/plain\r\n\r\nHello\r\n"
        f"{part}application/octet-stream\r\n\r\n\udc80\udcff\x00\x01\r\n--7a9cbec0--\r\n"
    )


@torture("3.1.1.12", DROPPED)
def unreason(draft: Draft) -> None:
    """A response of nobody's request, its reason in another script."""
    draft.first_line = "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять"


@torture("3.1.1.13", DROPPED)
def noreason(draft: Draft) -> None:
    """A response with an empty reason."""
    draft.first_line = "SIP/2.0 100 "
