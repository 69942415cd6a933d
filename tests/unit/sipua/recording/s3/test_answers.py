"""What servers of S3 say, and what they might."""

from __future__ import annotations

import pytest

from sipua.recording.s3 import answers
from sipua.recording.s3.answers import S3Error, Version

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def test_an_error_is_told_in_its_words_with_what_to_do() -> None:
    body = b"""<?xml version="1.0" encoding="UTF-8"?>
    <Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not
    match</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>"""
    told = answers.error(403, body)
    assert str(told).startswith("answered 403 SignatureDoesNotMatch: The request signature")
    assert "secret_access_key" in told.fix
    assert (told.code, told.status) == ("SignatureDoesNotMatch", 403)


def test_the_region_is_named_where_the_server_names_it() -> None:
    body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>"
    assert answers.error(400, body).fix == 'region = "eu-central-1" under [recording.s3]'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>504</html>",
        b"<Error><Code>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE a [<!ENTITY b "bbbb">]><Error><Code>&b;</Code></Error>',
        b"<Error>" + b"<a>" * 3_000_000,
    ],
)
def test_nonsense_is_an_error_by_its_status(body: bytes) -> None:
    assert str(answers.error(504, body)) == "answered 504"
    assert answers.error(403, body).code == "AccessDenied"
    if b"html" not in body:
        with pytest.raises(S3Error):
            answers.versions(body)


def test_words_are_cut_and_cleaned() -> None:
    body = "<Error><Code>X</Code><Message>\x9b31m{}</Message></Error>".format("m" * 999).encode()
    assert str(answers.error(500, body)) == f"answered 500 X: \\x9b31m{'m' * 196}"


def test_lists_have_versions_deletions_and_plain_objects() -> None:
    body = f"""<ListVersionsResult {XMLNS}><Name>calls</Name>
      <Version><Key>a/c-1.wav</Key><VersionId>v2</VersionId></Version>
      <DeleteMarker><Key>a/c-1.json</Key><VersionId>v1</VersionId></DeleteMarker>
    </ListVersionsResult>""".encode()
    assert answers.versions(body) == [Version("a/c-1.wav", "v2"), Version("a/c-1.json", "v1")]
    body = f"""<ListBucketResult {XMLNS}><Contents><Key>a/c-1.wav</Key></Contents>
    </ListBucketResult>""".encode()
    assert answers.versions(body) == [Version("a/c-1.wav", "")]
