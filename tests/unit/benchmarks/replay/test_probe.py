"""The measured path of a call: what it notes, and that it does what every call's does."""

from sipua.bench.replay.probe import CallTrace, Note, media_path
from sipua.bridge.call.media_path import MEDIA_PATH
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.codecs.g711 import Law
from sipua.rtp.events import Frame, Lost

FRAMES = (Frame(0, bytes(range(160)), 1.0), Lost(160), Frame(0, bytes(160), 2.0))


def notes(trace: CallTrace) -> list[Note]:
    return [Note(what) for what in trace.notes[0::2]]


def test_the_way_up_notes_each_stage_and_changes_nothing() -> None:
    trace = CallTrace(keep_audio=False)
    fed = [
        path.uplink({0: Law.PCMU}).feed(FRAMES, 10.0) for path in (MEDIA_PATH, media_path(trace))
    ]
    assert fed[0] == fed[1] != []
    assert notes(trace) == [
        Note.FEED,
        Note.FRAME,
        Note.LOST,
        Note.FRAME,
        Note.DECODED,
        Note.RESAMPLED,
        Note.RESAMPLED,
        Note.DECODED,
        Note.RESAMPLED,
    ]


def test_an_engine_of_g711_is_fed_without_a_stage_between() -> None:
    trace = CallTrace(keep_audio=False)
    uplink = media_path(trace).uplink({0: Law.PCMU})
    uplink.set_format(AudioFormat.PCMU)
    assert uplink.feed(FRAMES[:1], 10.0) == [FRAMES[0].payload]
    assert notes(trace) == [Note.FEED, Note.FRAME]


def test_the_way_down_notes_where_a_talkspurt_begins() -> None:
    trace = CallTrace(keep_audio=False)
    playout = media_path(trace).playout(Law.PCMU, frame_ms=20)
    for _ in range(2):
        playout.push("item", bytes(960 * 3))
    assert notes(trace) == [Note.FIRST_PUSH, Note.PUSHED, Note.PUSH, Note.PUSHED]


def test_two_calls_have_two_lists() -> None:
    traces = [CallTrace(keep_audio=False) for _ in range(2)]
    uplinks = [media_path(trace).uplink({0: Law.PCMU}) for trace in traces]
    uplinks[0].feed(FRAMES, 10.0)
    assert len(traces[0].notes) > 0 == len(traces[1].notes)
