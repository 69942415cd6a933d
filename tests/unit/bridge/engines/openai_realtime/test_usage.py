import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import Usage
from sipua.bridge.engines.openai.details import TEXT_CHARS
from sipua.bridge.engines.openai_realtime.usage import (
    of_response,
    of_transcription,
    why,
)


def raw(content: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(content).encode())


FULL = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 70,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 6, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}


def test_a_response_is_counted_by_kind_and_by_what_was_cached() -> None:
    assert of_response(raw(FULL)) == Usage(
        audio_in=13, audio_in_cached=6, audio_out=91, text_in=119, text_in_cached=64, text_out=30
    )


def test_where_only_the_sum_of_the_cached_is_known_text_comes_first() -> None:
    details = {"text_tokens": 40, "audio_tokens": 60, "cached_tokens": 70}
    assert of_response(raw({"input_token_details": details})) == Usage(
        text_in=40, text_in_cached=40, audio_in=60, audio_in_cached=30
    )


@pytest.mark.parametrize("content", [{}, {"total_tokens": 4}])
def test_a_response_without_details_cost_nothing_that_is_known(content: Any) -> None:
    assert of_response(raw(content)) == Usage()


@pytest.mark.parametrize("content", [None, 7, [], "x", {"input_token_details": 7}])
def test_what_is_no_usage_is_none(content: Any) -> None:
    assert of_response(raw(content)) is None


@pytest.mark.parametrize(
    ("content", "usage"),
    [
        ({"type": "duration", "seconds": 2.5}, Usage(seconds=2.5)),
        (
            {
                "type": "tokens",
                "total_tokens": 48,
                "input_tokens": 26,
                "output_tokens": 22,
                "input_token_details": {"text_tokens": 4, "audio_tokens": 22},
            },
            Usage(audio_in=22, text_in=4, text_out=22),
        ),
        ({"type": "tokens", "input_tokens": 9, "output_tokens": 2}, Usage(audio_in=9, text_out=2)),
        ({"type": "duration", "seconds": -1}, Usage()),
        (None, None),
        ("x", None),
    ],
)
def test_a_transcription_is_charged_by_tokens_or_by_time(content: Any, usage: Usage | None) -> None:
    assert of_transcription(raw(content)) == usage


def test_why_is_cut_short() -> None:
    assert len(why(raw({"error": {"code": "c", "message": "x" * 9000}}))) == TEXT_CHARS


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "input_token_details",
                    "cached_tokens_details",
                    "text_tokens",
                    "audio_tokens",
                    "cached_tokens",
                    "seconds",
                    "error",
                    "reason",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(values)
def test_M6_anything_is_read_and_no_count_is_below_nothing(content: Any) -> None:
    assert isinstance(why(raw(content)), str)
    for usage in (of_response(raw(content)), of_transcription(raw(content))):
        if usage is not None:
            assert usage.audio_in >= usage.audio_in_cached >= 0
            assert usage.text_in >= usage.text_in_cached >= 0
            assert min(usage.audio_out, usage.text_out, usage.seconds) >= 0
