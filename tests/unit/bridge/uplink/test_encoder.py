"""The two ways of a frame to the engine: resampled, or as it came."""

import numpy as np
import pytest

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.uplink.encoder import G711Encoder, PcmEncoder, encoder_for
from sipua.codecs.conceal import Concealer
from sipua.codecs.g711 import Law, decode, encode, transcoding_table
from sipua.codecs.resample import upsampler
from support.media import audio

SPEECH = audio.speech("caller")[: 160 * 150]


def frames(law: Law) -> list[bytes]:
    codes = encode(law, SPEECH)
    return [codes[at : at + 160] for at in range(0, len(codes), 160)]


def test_each_format_has_its_feed() -> None:
    for audio_format in (AudioFormat.PCM16, AudioFormat.PCM16_16K, AudioFormat.PCM16_8K):
        feed = encoder_for(audio_format)
        assert isinstance(feed, PcmEncoder)
        piece = feed.frame(Law.PCMU, bytes(160))
        assert len(feed.finish(piece)) == 20 * audio_format.bytes_per_ms
    for audio_format in (AudioFormat.PCMU, AudioFormat.PCMA):
        feed = encoder_for(audio_format)
        assert isinstance(feed, G711Encoder)
        assert feed.blank(3) == bytes([Law[audio_format.name].silence]) * 3


@pytest.mark.parametrize("law", list(Law))
def test_g711_in_the_engines_law_is_not_touched(law: Law) -> None:
    feed = G711Encoder(law)
    for payload in frames(law):
        assert feed.finish(feed.frame(law, payload)) is payload


def test_g711_in_the_other_law_goes_through_the_table() -> None:
    feed = G711Encoder(Law.PCMA)
    table = transcoding_table(Law.PCMU, Law.PCMA)
    for payload in frames(Law.PCMU):
        assert feed.finish(feed.frame(Law.PCMU, payload)) == payload.translate(table)


@pytest.mark.parametrize("law", list(Law))
@pytest.mark.parametrize("burst", [1, 2, 4])
def test_a_loss_is_concealed_as_well_as_on_the_other_way(law: Law, burst: int) -> None:
    """Sample by sample the same, but for the coding of what was made."""
    narrow, wide = G711Encoder(law), PcmEncoder(24_000)
    lost = {n + k for n in range(20, 140, 17) for k in range(burst)}
    worst = []
    for n, payload in enumerate(frames(law)):
        if n in lost:
            ours, theirs = narrow.lost(160), wide.lost(160)
        else:
            ours, theirs = narrow.frame(law, payload), wide.frame(law, payload)
        heard = narrow.pcm(ours)
        again = decode(law, encode(law, wide.pcm(theirs)))
        # Coded twice where a concealment goes on from a concealment: a step of the coding.
        step = np.maximum(np.abs(again.astype(int)) // 16, 16)
        worst.append(np.max(np.abs(heard.astype(int) - again) / step))
        if n not in lost and n - 1 not in lost:
            assert ours == payload
    assert max(worst) <= 2
    assert len(worst) == 150


def test_samples_are_made_on_loss_only(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []

    def counting(law: Law, payload: bytes) -> audio.Pcm:
        decoded.append(len(payload))
        return decode(law, payload)

    monkeypatch.setattr("sipua.bridge.uplink.encoder.decode", counting)
    feed, payloads = G711Encoder(Law.PCMU), frames(Law.PCMU)
    for payload in payloads[:20]:
        feed.frame(Law.PCMU, payload)
    assert decoded == []
    feed.lost(160)
    assert sum(decoded) >= 390, "the history that a pitch is looked for in"
    feed.frame(Law.PCMU, payloads[21])
    decoded.clear()
    feed.frame(Law.PCMU, payloads[22])
    assert decoded == []


def test_a_pause_after_a_loss_is_joined_to_it() -> None:
    feed = G711Encoder(Law.PCMU)
    loud = max(frames(Law.PCMU), key=lambda payload: audio.level_dbfs(decode(Law.PCMU, payload)))
    for _ in range(5):
        feed.frame(Law.PCMU, loud)
    feed.lost(160)
    joined, after = feed.silence(160), feed.silence(160)
    assert joined != feed.blank(160)
    assert after == feed.blank(160)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000])
@pytest.mark.parametrize("law", list(Law))
def test_pcm16_is_decoded_concealed_and_resampled_as_step_by_step(law: Law, rate_hz: int) -> None:
    feed, concealer, resampler = PcmEncoder(rate_hz), Concealer(), upsampler(rate_hz)
    other = next(one for one in Law if one is not law)
    for n, payload in enumerate(frames(law)):
        spoken = other if 60 <= n < 90 else law  # another offer, and back
        if n % 13 == 12:
            ours, theirs = feed.lost(160), concealer.lost(160)
        elif n == 100:
            ours, theirs = feed.silence(160), concealer.good(np.zeros(160, np.int16))
        else:
            ours, theirs = feed.frame(spoken, payload), concealer.good(decode(spoken, payload))
        assert len(ours) == 160
        assert np.array_equal(feed.pcm(ours), theirs)
        assert feed.finish(ours) == resampler.process(theirs).tobytes()
