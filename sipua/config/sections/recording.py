"""The section `recording` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sipua.config.values.fields import (
    AS_TUPLE,
    NO_SECRET,
    OneLine,
    Secret,
    SoundFile,
    http_url,
    wrong,
)
from sipua.config.values.section import Section


def _recipient(text: str) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise wrong("is a secret key, which must not be here", "the line `# public key: age1…`")
    if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", text):
        raise wrong("is no public key of age", '"age1…", 62 characters, from `age-keygen`')
    return text


Recipients = Annotated[tuple[Annotated[str, AfterValidator(_recipient)], ...], AS_TUPLE]


def _bucket(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", text):
        raise wrong("is not the name of a bucket", '"my-recordings", without s3:// and slashes')
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!_.*'()=/-]{0,200}", text) or text.startswith("/"):
        raise wrong("has other characters than letters, digits, !_.*'()=- and slashes", '"berlin/"')
    return text


def _endpoint(text: str) -> str:
    if not text:
        return text
    if urlsplit(text).query:
        raise wrong("has a query (?...)", '"https://s3.example.com"')
    return http_url(text)


def _region(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,50}", text):
        raise wrong("is not the name of a region", '"eu-central-1"; "us-east-1" where it has none')
    return text


class S3Section(Section):
    """Finished recordings are sent to a bucket of S3, or of a server that speaks it.
    docs/recording.md, "Sent to S3"."""

    bucket: Annotated[str, AfterValidator(_bucket)] = Field(
        default="", description="Name of the bucket, which must be there. Empty: nothing is sent."
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        default="",
        description="Address of the server: `https://s3.example.com`. Empty: "
        "`https://s3.REGION.amazonaws.com`.",
    )
    region: Annotated[str, AfterValidator(_region)] = Field(
        default="us-east-1", description="Region of the bucket; it is part of the signature."
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        default="", description="What keys begin with: `berlin` gives `berlin/DATE/CALL_ID.wav`."
    )
    path_style: bool = Field(
        default=True,
        description="The bucket is in the path of the URL. `false`: it is in the name of the host.",
    )
    access_key_id: OneLine = Field(default="", description="Which key signs.")
    secret_access_key: Secret = Field(
        default=NO_SECRET, description="That key. Better: `secret_access_key_file`."
    )
    secret_access_key_file: str = Field(
        default="", description="File that holds it and nothing else."
    )
    delete_local: bool = Field(
        default=False,
        description="Delete the sound here once the copy is verified. Its metadata stays for "
        "`keep_days`.",
    )
    parallel: int = Field(default=2, ge=1, le=32, description="Recordings that are sent at once.")
    max_kb_s: int = Field(
        default=0,
        ge=0,
        le=10_000_000,
        description="Kilobytes a second that all of them together may take. 0: no bound.",
    )
    ca_file: OneLine = Field(
        default="",
        description="Certificates (PEM) that are trusted with those of the system.",
    )


class RecordingSection(Section):
    """The sound of calls, in stereo files: the caller left, the agent right. Mind the law of both
    sides' countries. docs/recording.md."""

    when: Literal["off", "on_demand", "always"] = Field(
        default="off",
        description="`always`: each call, from its answer on. `on_demand`: when the API or a tool "
        "begins it. A route may say otherwise.",
    )
    directory: OneLine = Field(
        default="recordings",
        description="Folder of the files, `DATE/CALL_ID.wav`, with their metadata in "
        "`CALL_ID.json`; it is made when it does not exist. Relative to the working directory.",
    )
    format: Literal["wav", "wav-g711", "flac", "opus"] = Field(
        default="wav",
        description="`wav`: 16 bit, 1.9 MB a minute. `wav-g711`: as on the wire, half of that. "
        "`flac`, `opus`: made after the call; `pip install 'sipua[recording]'`.",
    )
    consent: Literal["none", "announce", "key"] = Field(
        default="none",
        description="What must happen before anything is kept. `announce`: the caller has heard "
        "`announcement` to its end. `key`: and has pressed `key`. Otherwise nothing is recorded.",
    )
    announcement: SoundFile = Field(
        default="",
        description='WAV file (16 bit PCM) that the caller hears first. Empty: `recorded` ("This '
        'call is recorded."), or `may-we-record` for consent = "key"; both in English.',
    )
    key: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"] = Field(
        default="1", description="The key that agrees; any other one declines."
    )
    key_wait_s: float = Field(
        default=10,
        ge=1,
        le=60,
        allow_inf_nan=False,
        description="So long after the announcement the key is waited for; then it is a no.",
    )
    pause_while_collecting: bool = Field(
        default=True,
        description="Silence on both sides while `collect_digits` takes keys of the caller, such "
        "as a card number.",
    )
    mask_digits: bool = Field(
        default=False,
        description="Silence in place of keys that are heard as tones, on both sides, so that "
        "nothing that was keyed in can be read from the file.",
    )
    recipients: Recipients = Field(
        default=(),
        description="Public keys (`age1…`): finished files are sealed for their owners by age. "
        "`pip install 'sipua[recording]'`.",
    )
    keep_days: int = Field(
        default=30, ge=0, le=36_500, description="Files of older days are deleted. 0: never."
    )
    keep_mb: int = Field(
        default=10_000,
        ge=1,
        le=100_000_000,
        description="Size of all files together; the oldest are deleted to make room.",
    )
    s3: S3Section = S3Section()
