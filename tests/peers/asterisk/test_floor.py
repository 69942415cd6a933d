"""First word, barge-in and truncation through a real Asterisk, with its recording as the judge.

No test asserts how fast this machine is: what is asserted is order, and media time. The figures in
milliseconds are printed (`-s`); scripts/measure_conversation.py has more of them.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.conversation_figures import edge_config, interrupted_calls, table
from support.calls.edge import Edge
from support.media import g711
from support.peers.asterisk import Asterisk

pytestmark = [pytest.mark.sound, pytest.mark.few, pytest.mark.timeout(180)]

CALLS, INTERRUPTIONS = 5, 10


def test_M5_first_word_barge_in_and_truncation_as_asterisk_heard_them(
    asterisk: Asterisk, edge_factory: Callable[..., Edge], tmp_path: Path
) -> None:
    edge = edge_factory(edge_config(tmp_path, asterisk))
    figures = interrupted_calls(asterisk, edge, calls=CALLS, interruptions=INTERRUPTIONS)
    print("\n" + table(figures))
    assert len(figures) == CALLS
    for call in figures:
        # Nothing is on the wire before the ACK, and then it is the greeting and not silence.
        assert call.first_word_ms > 0
        assert g711.decode(g711.PCMU, call.first_packet).any()
        assert len(call.cuts) == INTERRUPTIONS
        for cut in call.cuts:
            # The packet that was leaving, at most: the cut happens inside the event. Log and
            # capture are read to the millisecond.
            assert cut.event_to_last_audio_ms <= 2
            # To the millisecond: what was told is what was sent.
            assert cut.told_ms == cut.sent_ms
        # The recorder itself slips now and then; what the machine was too busy to send was heard
        # later, and was told as what it was.
        tolerance_ms = 20.5 + 20 * call.skipped_frames
        within = [abs(cut.told_ms - cut.recorded_ms) <= tolerance_ms for cut in call.cuts]
        assert sum(within) >= INTERRUPTIONS - 2
    assert not edge.events(name="engine.error")
