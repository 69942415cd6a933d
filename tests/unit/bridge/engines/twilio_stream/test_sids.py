import re

from sipua.bridge.engines.twilio_stream.sids import USUAL_ACCOUNT, call_sid, new_stream_sid


def test_they_have_the_shape_that_agents_check() -> None:
    for prefix, sid in (("AC", USUAL_ACCOUNT), ("CA", call_sid("a")), ("MZ", new_stream_sid())):
        assert re.fullmatch(prefix + "[0-9a-f]{32}", sid)


def test_a_call_has_one_name_and_each_of_its_streams_another() -> None:
    assert call_sid("call-1") == call_sid("call-1") == "CA5d7963c4f471e142f5a72214a9666fb1"
    assert call_sid("call-1") != call_sid("call-2")
    assert new_stream_sid() != new_stream_sid()
