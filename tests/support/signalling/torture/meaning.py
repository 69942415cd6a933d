"""RFC 4475, 3.2 to 3.4: by the grammar, but not by the meaning."""

from support.signalling.torture.draft import DROPPED, SDP, Draft, torture


@torture("3.2.1", 200, 400, DROPPED)
def badbranch(draft: Draft) -> None:
    """A branch of the magic cookie alone."""
    draft.lines["Via"] = f"Via: SIP/2.0/{draft.over} {draft.me};branch=z9hG4bK"


@torture("3.3.1", 400, DROPPED)
def insuf(draft: Draft) -> None:
    """Without Call-ID, From and To."""
    draft.invite()
    draft.lines |= {"Call-ID": "", "From": "", "To": ""}


@torture("3.3.2", 400, 403, 404, 416, DROPPED)
def unkscm(draft: Draft) -> None:
    """A Request-URI of a scheme that nobody knows."""
    draft.uri = "nobodyKnowsThisScheme:totallyopaquecontent"


@torture("3.3.3", 400, 403, 404, 416, DROPPED)
def novelsc(draft: Draft) -> None:
    """A Request-URI of a scheme that exists, but not for SIP."""
    draft.uri = "soap.beep://192.0.2.103:3002"


@torture("3.3.4", 400, 403, 404, 405, 416, 501, DROPPED)
def unksm2(draft: Draft) -> None:
    """Unknown schemes in From, To and Contact."""
    draft.method = "REGISTER"
    draft.lines |= {
        "To": "To: isbn:2983792873",
        "From": f"From: <http://www.example.com>;tag=f{draft.unique}",
        "Contact": "Contact: <name:John_Smith>",
    }


@torture("3.3.5", 420)
def bext01(draft: Draft) -> None:
    """Require of what is not there; Proxy-Require is for proxies."""
    draft.lines["Require"] = "Require: nothingSupportsThis, nothingSupportsThisEither"
    draft.lines["Proxy-Require"] = "Proxy-Require: noProxiesSupportThis"


@torture("3.3.6", 400, 415, 488)
def invut(draft: Draft) -> None:
    """An INVITE with a body that is no SDP."""
    draft.invite()
    draft.lines["Content-Type"] = "Content-Type: application/unknownformat"
    draft.body = "<audio>\r\n <pcmu port='443'/>\r\n</audio>\r\n"


@torture("3.3.7", 401, 403, 405, 501, DROPPED)
def regaut01(draft: Draft) -> None:
    """Authorization of a scheme that nobody knows."""
    draft.method = "REGISTER"
    draft.lines["Authorization"] = "Authorization: NoOneKnowsThisScheme opaque-data=here"
    draft.lines["Contact"] = f"Contact: <sip:tester@{draft.me}>"


@torture("3.3.8", 400, DROPPED)
def multi01(draft: Draft) -> None:
    """Twice what may be there once."""
    draft.invite()
    again = f"\r\nCSeq: 59 INVITE\r\nCall-ID: {draft.unique}other\r\nTo: <sip:other@{draft.edge}>"
    again += f"\r\nFrom: <sip:other@{draft.me}>;tag=other\r\nMax-Forwards: 5"
    draft.lines["Max-Forwards"] = "Max-Forwards: 70" + again


@torture("3.3.9", 400, DROPPED)
def mcl01(draft: Draft) -> None:
    """Content-Length twice, with two values."""
    draft.body = "There is no way to know how long this is."
    draft.lines["Content-Length"] = "Content-Length: 13\r\nContent-Length: 5"


@torture("3.3.10", DROPPED)
def bcast(draft: Draft) -> None:
    """A 200 whose second Via is a broadcast address: nobody sends it on."""
    draft.first_line = "SIP/2.0 200 OK"
    draft.lines["Via"] = f"Via: {draft.via()}\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1"
    draft.lines["To"] = f"To: <sip:agent@{draft.edge}>;tag=t"


@torture("3.3.11", 200, 483)
def zeromf(draft: Draft) -> None:
    """Max-Forwards 0: the last one that it reaches may answer it."""
    draft.lines["Max-Forwards"] = "Max-Forwards: 0"


@torture("3.3.12", 403, 405, 501)
def cparam01(draft: Draft) -> None:
    """REGISTER, Contact with an unknown parameter."""
    draft.method = "REGISTER"
    draft.lines["Contact"] = f"Contact: sip:tester@{draft.me};unknownparam"


@torture("3.3.13", 403, 405, 501)
def cparam02(draft: Draft) -> None:
    """REGISTER, Contact whose URI has an unknown parameter."""
    draft.method = "REGISTER"
    draft.lines["Contact"] = f"Contact: <sip:tester@{draft.me};unknownparam>"


@torture("3.3.14", 403, 405, 501, DROPPED)
def regescrt(draft: Draft) -> None:
    """REGISTER, Contact with an escaped Route: nobody goes there."""
    draft.method = "REGISTER"
    draft.lines["Contact"] = f"Contact: <sip:tester@{draft.me}?Route=%3Csip:192.0.2.9%3E>"


@torture("3.3.15", 200, 400, 406, 488)
def sdp01(draft: Draft) -> None:
    """An Accept that has no place for SDP, so no answer can be given that it takes."""
    draft.invite()
    draft.lines["Accept"] = "Accept: text/nobodyKnowsThis"


@torture("3.4.1", 200)
def inv2543(draft: Draft) -> None:
    """An INVITE of RFC 2543: no branch, no tag, no Max-Forwards."""
    draft.invite()
    draft.lines |= {
        "Via": f"Via: SIP/2.0/{draft.over} {draft.me}",
        "From": f"From: <sip:tester@{draft.me}>",
        "Max-Forwards": "",
        "Content-Length": "" if draft.over == "UDP" else f"Content-Length: {len(SDP)}",
    }
