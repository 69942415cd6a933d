"""Copies of recordings in S3: found by the day and the id of a call, and deleted with all their
versions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from sipua.cli.records.databases import Call
from sipua.recording.s3.answers import S3Error, Version
from sipua.recording.s3.bucket import Bucket
from sipua.recording.s3.settings import S3Settings


def find(settings: S3Settings, calls: Iterable[Call]) -> list[Version]:
    """Raises S3Error."""

    async def listed() -> list[Version]:
        async with Bucket(settings) as bucket:
            found: list[Version] = []
            for one in sorted(calls, key=lambda call: (call.day, call.id)):
                # With its dot: an id is no beginning of another one then.
                found += await bucket.versions(settings.key(one.day, f"{one.id}."))
            return found

    return asyncio.run(listed())


def erase(settings: S3Settings, versions: Iterable[Version]) -> None:
    """Raises S3Error: some are there still."""

    async def delete() -> None:
        async with Bucket(settings) as bucket:
            for one in versions:
                try:
                    await bucket.delete(one)
                except S3Error as error:
                    raise S3Error(f"{settings.uri(one.key)}: {error}", fix=error.fix) from None

    asyncio.run(delete())
