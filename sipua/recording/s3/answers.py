"""What a server of S3 answers: an error in its words and ours, and lists of objects. Pure.

A body is XML of a server that is ours to choose and not ours to trust: of a bounded length, without
entities of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from sipua.process.terminal_text import clean

MOST_BYTES: Final = 2_000_000
_MOST_WORDS: Final = 200
_FIXES: Final = {
    "InvalidAccessKeyId": "check `access_key_id` of [recording.s3]",
    "SignatureDoesNotMatch": "check `secret_access_key`, then `region`, of [recording.s3]",
    "AccessDenied": "this key needs the rights s3:PutObject and s3:GetObject on the bucket",
    "NoSuchBucket": "check `bucket`, `endpoint` and `path_style` of [recording.s3], or make it",
    "RequestTimeTooSkewed": "set the clock of this machine (NTP)",
    "AuthorizationHeaderMalformed": "check `region` of [recording.s3]",
    "PermanentRedirect": "check `endpoint` and `region` of [recording.s3]",
    "TemporaryRedirect": "check `endpoint` and `region` of [recording.s3]",
    "IllegalLocationConstraintException": "check `region` of [recording.s3]",
    "XAmzContentSHA256Mismatch": "the file is not what it was when it was saved: look at the disk",
    "BadDigest": "the file is not what it was when it was saved: look at the disk",
    "SlowDown": "it is tried again; `parallel` or `max_kb_s` of [recording.s3] may be less",
}
_BY_STATUS: Final = {
    301: "PermanentRedirect",
    307: "TemporaryRedirect",
    403: "AccessDenied",
    503: "SlowDown",
}
OTHER_FIX: Final = "it is tried again, and is kept here until then: look at the server"


@dataclass(frozen=True, slots=True)
class Version:
    """An object to delete; `id` empty: the only one."""

    key: str
    id: str


class S3Error(Exception):
    """A server or the way to it. The text is for people, and has no secret."""

    def __init__(self, why: str, *, code: str = "", status: int = 0, fix: str = OTHER_FIX) -> None:
        super().__init__(why)
        self.code = code
        self.status = status
        """0: no answer came."""
        self.fix = fix


def error(status: int, body: bytes) -> S3Error:
    """Of an answer that is no success; `body` may be empty, or anything."""
    root = _root(body)
    code = _word(root, "Code") or _BY_STATUS.get(status, "")
    words = _word(root, "Message")
    why = f"answered {status}" + (f" {code}" if code else "") + (f": {words}" if words else "")
    fix = _FIXES.get(code, OTHER_FIX)
    if region := _word(root, "Region"):
        fix = f'region = "{region}" under [recording.s3]'
    return S3Error(why, code=code, status=status, fix=fix)


def versions(body: bytes) -> list[Version]:
    """Of `ListObjectVersions`, deletions included, or of `ListObjectsV2`. Raises S3Error."""
    root = _root(body)
    if root is None:
        raise S3Error("its list cannot be read")
    found: list[Version] = []
    for one in root:
        if _plain(one.tag) in ("Version", "DeleteMarker", "Contents"):
            key = _word(one, "Key", most=1024)
            if key:
                found.append(Version(key, _word(one, "VersionId", most=1024)))
    return found


def _root(body: bytes) -> ET.Element | None:
    if len(body) > MOST_BYTES or b"<!" in body:
        return None
    try:
        return ET.fromstring(body)  # noqa: S314 - bounded, and has no entities
    except ET.ParseError:
        return None


def _word(root: ET.Element | None, name: str, most: int = _MOST_WORDS) -> str:
    for one in root if root is not None else ():
        if _plain(one.tag) == name:
            text = (one.text or "").strip()[:most]
            return text if most > _MOST_WORDS else clean(text)
    return ""


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]
