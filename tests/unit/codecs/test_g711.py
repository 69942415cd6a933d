"""G.711 against an independent reference written from the recommendation's own tables.

Tables 1a to 2b of G.711 list decision values x(n), from which every interval, code and quantised
value follows. The reference below is built from the segment rows of those tables alone.
"""

import bisect
import itertools

import numpy as np
import pytest

from sipua.codecs.g711 import Law, decode, encode, transcoding_table

ALL_SAMPLES = np.arange(-32768, 32768).astype(np.int16)
ALL_CODES = bytes(range(256))


def table_of_decision_values(law: Law) -> list[int]:
    """Positive decision values at 16 bits, from the "value at segment end" columns."""
    if law is Law.PCMU:  # Table 2a, 14-bit scale: 15 steps of 2 after the first of 1, then 16s
        ends = [31, 95, 223, 479, 991, 2015, 4063, 8159]
        values = [0, 1, *range(3, 32, 2)]
        scale = 4
    else:  # Table 1a, 13-bit scale: two segments of step 2, then doubling
        ends = [64, 128, 256, 512, 1024, 2048, 4096]
        values = list(range(0, 65, 2))
        scale = 8
    for low, high in itertools.pairwise(ends):
        step = (high - low) // 16
        values += range(low + step, high + 1, step)
    return [value * scale for value in values]


class Reference:
    """Interval n lies between decision values n and n + 1; its character signal counts down."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self.decisions = table_of_decision_values(law)
        assert len(self.decisions) == 129

    def code(self, negative: bool, interval: int) -> int:
        if self.law is Law.PCMU:  # 1111 1111 for the first positive interval, all bits inverted
            return 0xFF - interval - (0x80 if negative else 0)
        return (interval | (0 if negative else 0x80)) ^ 0x55  # even bits inverted

    def value(self, negative: bool, interval: int) -> int:
        if self.law is Law.PCMU and interval == 0:
            return 0
        middle = (self.decisions[interval] + self.decisions[interval + 1]) // 2
        return -middle if negative else middle

    def encode(self, sample: int) -> int:
        """Intervals are half-open on the number line: [-4, 0) is -0, [0, 4) is +0."""
        if sample >= 0:
            interval = bisect.bisect_right(self.decisions, sample) - 1
        else:
            interval = bisect.bisect_left(self.decisions, -sample) - 1
        return self.code(sample < 0, min(interval, 127))


@pytest.mark.parametrize("law", list(Law))
def test_all_256_codes_decode_to_the_recommendations_values(law: Law) -> None:
    reference = Reference(law)
    expected = {
        reference.code(negative, interval): reference.value(negative, interval)
        for negative in (False, True)
        for interval in range(128)
    }
    assert len(expected) == 256
    assert decode(law, ALL_CODES).tolist() == [expected[code] for code in range(256)]


@pytest.mark.parametrize("law", list(Law))
def test_all_65536_samples_encode_to_their_interval(law: Law) -> None:
    reference = Reference(law)
    assert list(encode(law, ALL_SAMPLES)) == [reference.encode(int(x)) for x in ALL_SAMPLES]


@pytest.mark.parametrize("law", list(Law))
def test_segment_edges(law: Law) -> None:
    decisions = table_of_decision_values(law)
    for interval, edge in enumerate(decisions[1:128], start=1):
        around = np.array([edge - 1, edge, -edge, -edge - 1], np.int16)
        reference = Reference(law)
        assert list(encode(law, around)) == [
            reference.code(False, interval - 1),
            reference.code(False, interval),
            reference.code(True, interval - 1),
            reference.code(True, interval),
        ]


def test_values_everybody_knows() -> None:
    known = bytes([0xFF, 0x7F, 0x80, 0x00, 0xFE, 0x7E])
    assert decode(Law.PCMU, known).tolist() == [0, 0, 32124, -32124, 8, -8]
    known = bytes([0xD5, 0x55, 0xAA, 0x2A])
    assert decode(Law.PCMA, known).tolist() == [8, -8, 32256, -32256]


def test_sign_of_zero() -> None:
    around_zero = np.array([-5, -4, -1, 0, 3, 4], np.int16)
    assert encode(Law.PCMU, around_zero).hex() == "7e7f7ffffffe"
    assert encode(Law.PCMA, around_zero).hex() == "555555d5d5d5"


def test_extremes_saturate() -> None:
    extremes = np.array([-32768, 32767], np.int16)
    assert encode(Law.PCMU, extremes).hex() == "0080"
    assert encode(Law.PCMA, extremes).hex() == "2aaa"


@pytest.mark.parametrize("law", list(Law))
def test_a_decoded_code_encodes_to_itself(law: Law) -> None:
    again = encode(law, decode(law, ALL_CODES))
    # µ-law has two zeros and a linear zero has no sign: 0x7F comes back as 0xFF.
    expected = bytearray(ALL_CODES)
    if law is Law.PCMU:
        expected[0x7F] = 0xFF
    assert again == expected


@pytest.mark.parametrize("law", list(Law))
def test_silence_is_the_code_of_zero(law: Law) -> None:
    assert encode(law, np.zeros(3, np.int16)) == bytes([law.silence] * 3)


@pytest.mark.parametrize("law", list(Law))
def test_any_buffer_decodes_and_none_is_fine(law: Law) -> None:
    for payload in (b"\x00\x80\xff", bytearray(b"\x00\x80\xff"), memoryview(b"\x00\x80\xff")):
        assert decode(law, payload).tolist() == decode(law, b"\x00\x80\xff").tolist()
    assert decode(law, b"").shape == (0,)
    assert encode(law, np.zeros(0, np.int16)) == b""


def test_transcoding_goes_through_the_linear_value() -> None:
    table = transcoding_table(Law.PCMU, Law.PCMA)
    translated = ALL_CODES.translate(table)
    assert translated == encode(Law.PCMA, decode(Law.PCMU, ALL_CODES))


def test_names_and_payload_types() -> None:
    assert [(law.name, law.payload_type) for law in Law] == [("PCMU", 0), ("PCMA", 8)]
