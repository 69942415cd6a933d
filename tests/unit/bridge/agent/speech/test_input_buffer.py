from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.agent.speech.formats import PCM, PCMU
from sipua.bridge.agent.speech.input_buffer import InputBuffer


def test_milliseconds_address_bytes() -> None:
    buffer = InputBuffer(PCM)
    buffer.append(bytes(48 * 100) + b"\x01" * 48 * 100)
    assert (buffer.end_ms, buffer.duration_ms) == (200, 200)
    buffer.keep_from(50)
    assert (buffer.end_ms, buffer.duration_ms) == (200, 150)
    assert buffer.take_until(150) == bytes(48 * 50) + b"\x01" * 48 * 50
    assert buffer.take() == b"\x01" * 48 * 50
    assert (buffer.end_ms, buffer.duration_ms, len(buffer)) == (200, 0, 0)


def test_positions_outside_are_clamped() -> None:
    buffer = InputBuffer(PCMU, start_ms=1000.0)
    buffer.append(bytes(80))
    buffer.keep_from(0)
    assert len(buffer) == 80
    assert buffer.take_until(5000) == bytes(80)
    buffer.keep_from(9000)
    assert buffer.end_ms == 1010


@given(portions=st.lists(st.binary(max_size=9), max_size=20))
def test_split_samples_wait_for_their_other_half(portions: list[bytes]) -> None:
    buffer = InputBuffer(PCM)
    given_back = b"".join(buffer.append(portion) for portion in portions)
    whole = b"".join(portions)
    whole = whole[: len(whole) // 2 * 2]
    assert given_back == whole
    assert buffer.take() == whole
