"""Session descriptions for the SIPp scenarios (RFC 8866, RFC 3264).

`[field0]` is the port of the call's far end, put in by SIPp.
"""

_RTPMAPS = {
    "0": "a=rtpmap:0 PCMU/8000",
    "8": "a=rtpmap:8 PCMA/8000",
    "9": "a=rtpmap:9 G722/8000",
    "18": "a=rtpmap:18 G729/8000",
    "101": "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16",
}


def offer(
    formats: str = "0 8 101",
    *,
    direction: str = "sendrecv",
    address: str = "[media_ip]",
    port: str = "[field0]",
    profile: str = "RTP/AVP",
    ptime_ms: int = 20,
    version: int = 1,
    more: str = "",
) -> str:
    """Also an answer: the two look the same. `version` counts up with each one of a dialog."""
    known = {"[media_ip]": "[media_ip_type]"}
    family = known.get(address, "6" if ":" in address else "4")
    lines = [
        "v=0",
        f"o=sipp 1 {version} IN IP[media_ip_type] [media_ip]",
        "s=-",
        f"c=IN IP{family} {address}",
        "t=0 0",
        f"m=audio {port} {profile} {formats}",
        *(_RTPMAPS[number] for number in formats.split()),
        f"a=ptime:{ptime_ms}",
        f"a={direction}",
    ]
    return "\n".join([*lines, more]).rstrip("\n")


AUDIO = offer()
PCMU = offer("0 101")
PCMA = offer("8 101")
WITH_VIDEO = offer(more="m=video 50002 RTP/AVP 99\na=rtpmap:99 H264/90000")
WITH_T38 = offer(more="m=image 50002 udptl t38\na=T38FaxVersion:0")
SAVP_ONLY = offer(
    profile="RTP/SAVP",
    more="a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
)
PORT_0 = offer(port="0")
NO_COMMON_CODEC = offer("18")
PRIVATE_ADDRESS = offer(address="10.99.99.99")

HOLD_SENDONLY = offer(direction="sendonly", version=2)
HOLD_INACTIVE = offer(direction="inactive", version=2)
HOLD_ADDRESS_0 = offer(address="0.0.0.0", version=2)  # the old way, RFC 3264, 8.4
RESUME = offer(version=3)
