"""The examples that AWS has published for Signature Version 4 of S3."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from sipua.recording.s3.signing import EMPTY_SHA256, Request, escaped, query_string, signed_headers

NOW = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"
BODY_SHA256 = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
PUT_HEADERS = {
    "Date": "Fri, 24 May 2013 00:00:00 GMT",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
}


@pytest.mark.parametrize(
    ("request_", "names", "signature"),
    [
        (
            Request("GET", HOST, "/test.txt", {}, {"Range": "bytes=0-9"}, EMPTY_SHA256),
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Request("PUT", HOST, escaped("/test$file.text"), {}, PUT_HEADERS, BODY_SHA256),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Request("GET", HOST, "/", {"lifecycle": ""}, {}, EMPTY_SHA256),
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Request("GET", HOST, "/", {"prefix": "J", "max-keys": "2"}, {}, EMPTY_SHA256),
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_it_signs_as_the_published_examples(request_: Request, names: str, signature: str) -> None:
    headers = signed_headers(
        request_,
        key_id="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        now=NOW,
    )
    assert headers["x-amz-date"] == "20130524T000000Z"
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}"
    )


def test_what_is_escaped() -> None:
    assert escaped("a b/c+d~e_f-g.h*") == "a%20b/c%2Bd~e_f-g.h%2A"
    assert query_string({"prefix": "a/b c", "list-type": "2"}) == "list-type=2&prefix=a%2Fb%20c"
