"""The bridge's media plan from the negotiated media."""

from sipua.bridge.call.media import MediaPlan
from sipua.codecs.g711 import Law
from sipua.sip.messages import NegotiatedMedia


def media_plan(media: NegotiatedMedia, *, held_by_us: bool = False) -> MediaPlan:
    return MediaPlan(
        remote=media.remote,
        signalling_ip=media.signalling_ip or None,
        law=Law[media.codec],
        payload_type=media.payload_type,
        law_by_type=media.accepted_types,
        telephone_event_type=media.telephone_event_type,
        telephone_event_send_type=media.telephone_event_send_type,
        sends=media.direction.sends,
        receives=media.direction.receives,
        rtcp_remote=media.rtcp_remote,
        rtcp_muxed=media.rtcp_muxed,
        rtcp_extended=media.rtcp_extended,
        remote_ssrcs=media.remote_ssrcs,
        held_by_us=held_by_us,
    )
