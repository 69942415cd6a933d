"""From the configuration to the recordings of calls, in a worker."""

from __future__ import annotations

from sipua.bridge.playout import sounds
from sipua.calls.facts import CallFacts
from sipua.codecs.pcm import Pcm
from sipua.config import Config
from sipua.edge.wiring.recording import is_on, recording_settings
from sipua.record import transcript_redaction
from sipua.record.settings import Numbers
from sipua.recording.files.metadata import Metadata
from sipua.recording.recordings import Recordings

_BUILT_IN = {"announce": "recorded", "key": "may-we-record"}


def recordings(config: Config) -> Recordings:
    """Raises SoundError."""
    return Recordings(recording_settings(config), _notice(config))


def decode_sounds(config: Config) -> None:
    """As that of `call`: before there are calls. Raises SoundError."""
    _notice(config)


def _notice(config: Config) -> Pcm | None:
    recording = config.recording
    if recording.consent == "none" or not is_on(config):
        return None
    if recording.announcement:
        return sounds.named(recording.announcement)
    return sounds.prompt(_BUILT_IN[recording.consent])


def metadata(facts: CallFacts, numbers: Numbers) -> Metadata:
    """What a recording's metadata has of its call."""
    return Metadata(
        call_id=facts.call_id,
        began="",
        direction=facts.direction,
        from_=transcript_redaction.number(facts.from_uri, numbers),
        to=transcript_redaction.number(facts.to_uri, numbers),
        origin=facts.origin,
        route=facts.route,
    )
