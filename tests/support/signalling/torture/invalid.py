"""RFC 4475, 3.1.2: against the grammar."""

from support.signalling.torture.draft import DROPPED, SDP, Draft, torture


@torture("3.1.2.1", 400, DROPPED)
def badinv01(draft: Draft) -> None:
    """Separators where none may be."""
    draft.invite()
    draft.lines |= {
        "Via": f"Via: {draft.via()};;,;,,",
        "Contact": f'Contact: "Joe" <sip:tester@{draft.me}>;;;;',
    }


@torture("3.1.2.2", 400, DROPPED)
def clerr(draft: Draft) -> None:
    """Content-Length beyond the end of the datagram; on TCP the rest never comes."""
    draft.invite()
    draft.lines["Content-Length"] = "Content-Length: 9999"


@torture("3.1.2.3", 400, DROPPED)
def ncl(draft: Draft) -> None:
    """A negative Content-Length."""
    draft.invite()
    draft.lines["Content-Length"] = "Content-Length: -999"


@torture("3.1.2.4", 400, DROPPED)
def scalar02(draft: Draft) -> None:
    """Numbers beyond their size, in a request."""
    draft.method = "REGISTER"
    draft.lines |= {
        "CSeq": "CSeq: 36893488147419103232 REGISTER",
        "Max-Forwards": "Max-Forwards: 300",
        "Expires": f"Expires: 1{'0' * 100}",
        "Contact": f"Contact: <sip:tester@{draft.me}>;expires=280297596632815",
    }


@torture("3.1.2.5", DROPPED)
def scalarlg(draft: Draft) -> None:
    """Numbers beyond their size, in a response of nobody's request."""
    draft.first_line = "SIP/2.0 503 Service Unavailable"
    draft.lines |= {
        "CSeq": "CSeq: 9292394834772304023312 OPTIONS",
        "Retry-After": "Retry-After: 949302838503028349304023988",
        "Warning": 'Warning: 1812 overture "In progress"',
    }


@torture("3.1.2.6", 400, DROPPED)
def quotbal(draft: Draft) -> None:
    """A quoted string without its end."""
    draft.invite()
    draft.lines["To"] = f'To: "An agent <sip:agent@{draft.edge}>'


@torture("3.1.2.7", 400, DROPPED)
def ltgtruri(draft: Draft) -> None:
    """A Request-URI in angle brackets."""
    draft.invite()
    draft.uri = f"<sip:agent@{draft.edge}>"


@torture("3.1.2.8", 400, DROPPED)
def lwsruri(draft: Draft) -> None:
    """A blank in the Request-URI."""
    draft.invite()
    draft.uri = f"sip:agent@{draft.edge}; lr"


@torture("3.1.2.9", 200, 400, DROPPED)
def lwsstart(draft: Draft) -> None:
    """More than one blank between the parts of the first line. It may be taken (RFC 4475)."""
    draft.invite()
    draft.first_line = f"INVITE  sip:agent@{draft.edge}  SIP/2.0"


@torture("3.1.2.10", 200, 400, DROPPED)
def trws(draft: Draft) -> None:
    """Blanks behind the first line. It may be taken (RFC 4475)."""
    draft.first_line = f"OPTIONS sip:agent@{draft.edge} SIP/2.0  "


@torture("3.1.2.11", 200, 400, 404, DROPPED)
def escruri(draft: Draft) -> None:
    """Headers in the Request-URI; it may be answered as if they were not there."""
    draft.invite()
    draft.uri = f"sip:agent@{draft.edge}?Route=%3Csip:example.com%3E"


@torture("3.1.2.12", 200, 400)
def baddate(draft: Draft) -> None:
    """A Date in no form of SIP's. A reader who does not need it may pass it over."""
    draft.invite()
    draft.lines["Date"] = "Date: Fri, 01 Jan 2010 16:00:00 EST"


@torture("3.1.2.13", 400, 403, 405, 501, DROPPED)
def regbadct(draft: Draft) -> None:
    """Contact with parameters of a URI that is not in brackets."""
    draft.method = "REGISTER"
    draft.lines["Contact"] = f"Contact: sip:tester@{draft.me}?Route=%3Csip:sip.example.com%3E"


@torture("3.1.2.14", 200, 400, DROPPED)
def badaspec(draft: Draft) -> None:
    """Blanks inside the angle brackets of To; it may be understood (RFC 4475)."""
    draft.lines["To"] = f'To: "Watson, Thomas" < sip:t.watson@{draft.edge} >'


@torture("3.1.2.15", 200, 400, DROPPED)
def baddn(draft: Draft) -> None:
    """A display name with a comma, not in quotes."""
    draft.lines["From"] = f"From: Bell, Alexander <sip:a.g.bell@{draft.me}>;tag=f{draft.unique}"


@torture("3.1.2.16", 400, 505, DROPPED)
def badvers(draft: Draft) -> None:
    """A version that nobody speaks."""
    draft.version = "SIP/7.0"
    draft.lines["Via"] = f"Via: {draft.via().replace('2.0', '7.0', 1)}"


@torture("3.1.2.17", 400, DROPPED)
def mismatch01(draft: Draft) -> None:
    """CSeq with another method."""
    draft.lines["CSeq"] = "CSeq: 8 INVITE"


@torture("3.1.2.18", 400, 405, 501, DROPPED)
def mismatch02(draft: Draft) -> None:
    """An unknown method whose CSeq has a known one."""
    draft.method, draft.body = "NEWMETHOD", SDP
    draft.lines |= {
        "CSeq": "CSeq: 8 INVITE",
        "Contact": f"Contact: <sip:tester@{draft.me}>",
        "Content-Type": "Content-Type: application/sdp",
    }


@torture("3.1.2.19", DROPPED)
def bigcode(draft: Draft) -> None:
    """A response with a status beyond all numbers."""
    draft.first_line = "SIP/2.0 4294967301 better not break the receiver"
