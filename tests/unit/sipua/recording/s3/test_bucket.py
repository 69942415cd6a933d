"""Where the requests for a bucket go."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.recording.s3.bucket import Bucket
from sipua.recording.s3.settings import S3Settings


@pytest.mark.parametrize(
    ("endpoint", "path_style", "url"),
    [
        ("https://s3.example.com", True, "https://s3.example.com/calls/berlin/a/c-1.wav"),
        (
            "https://s3.example.com:9000/",
            True,
            "https://s3.example.com:9000/calls/berlin/a/c-1.wav",
        ),
        ("https://s3.example.com", False, "https://calls.s3.example.com/berlin/a/c-1.wav"),
        ("https://gate.example/s3", True, "https://gate.example/s3/calls/berlin/a/c-1.wav"),
    ],
)
def test_the_bucket_is_in_the_path_or_in_the_host(
    endpoint: str, path_style: bool, url: str
) -> None:
    settings = S3Settings(
        *(Path(), endpoint, "calls", "us-east-1", "id", "secret", "berlin/"), path_style=path_style
    )
    bucket = Bucket(settings)
    assert bucket.base + bucket.path(settings.key("a", "c-1.wav")) == url
    assert "secret" not in repr(settings)
