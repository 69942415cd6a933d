"""The requests to a bucket. On the loop of its caller, and with its deadlines.

A file is sent in one request, which S3 allows up to 5 GB: a WAV file has no more than 4. Its hash
is in the signature, so a server that checks it (all that matter do) takes no other bytes for it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from sipua.process.web.session import http_session
from sipua.recording.s3 import answers, signing
from sipua.recording.s3.answers import S3Error, Version
from sipua.recording.s3.pace import Pace
from sipua.recording.s3.settings import S3Settings

_BLOCK_BYTES: Final = 65_536
_ANSWER_S: Final = 30.0
_SLOWEST_BYTES_PER_S: Final = 50_000
_CHECK_ENDPOINT: Final = "it is tried again: check `endpoint` of [recording.s3], and the network"


@dataclass(frozen=True, slots=True)
class Object:
    """What a server says of one."""

    size: int
    etag: str
    """Without quotes."""
    sha256: str
    """Hexadecimal; empty: it does not say."""


class _Blocks:
    """A file at our pace. It can be begun again: a request whose kept connection was closed is sent
    once more."""

    def __init__(self, path: Path, pace: Pace) -> None:
        self._path = path
        self._pace = pace

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                await asyncio.sleep(self._pace.wait_s(len(block), time.monotonic()))
                yield block


class Bucket:
    """All methods raise S3Error; those that read files OSError, too."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        parts = urlsplit(settings.endpoint)
        bucket = signing.escaped(settings.bucket)
        self._host = parts.netloc if settings.path_style else f"{bucket}.{parts.netloc}"
        self.base = f"{parts.scheme}://{self._host}"
        self._root = parts.path.rstrip("/") + (f"/{bucket}" if settings.path_style else "")
        self._pace = Pace(settings.bytes_per_s)
        self._session: aiohttp.ClientSession | None = None

    def path(self, key: str) -> str:
        """Of an object, or of the bucket itself, behind `base`."""
        return f"{self._root}/{signing.escaped(key)}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def head(self, key: str) -> Object | None:
        """None: it is not there."""
        try:
            headers, _ = await self._ask("HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"})
        except S3Error as error:
            if error.status == 404:
                return None
            raise
        try:
            size = int(headers.get("Content-Length", "-1"))
        except ValueError:
            size = -1
        # Of an object in parts it is no hash of its bytes, and has the number of parts behind it.
        checksum = headers.get("x-amz-checksum-sha256", "")
        with contextlib.suppress(ValueError):
            return Object(size, _etag(headers), base64.b64decode(checksum, validate=True).hex())
        return Object(size, _etag(headers), "")

    async def put_file(self, key: str, path: Path, size: int, sha256: str) -> None:
        """`sha256`: what the bytes must have."""
        slowest = _SLOWEST_BYTES_PER_S
        if self._settings.bytes_per_s:
            share = self._settings.bytes_per_s / self._settings.parallel / 2
            slowest = min(slowest, max(1, int(share)))
        try:
            await self._put(
                key, _Blocks(path, self._pace), size, sha256, _ANSWER_S + size / slowest
            )
        except S3Error as error:
            if error.status:
                raise
            # A server that refuses a long body closes while it is being sent, and its words are
            # lost. It says the same of a request without one.
            if (why := await self._refusal(key)) is not None:
                raise why from None
            raise

    async def put_bytes(self, key: str, body: bytes) -> None:
        sha256 = hashlib.sha256(body).hexdigest()
        await self._put(key, body, len(body), sha256, _ANSWER_S)

    async def read_sha256(self, key: str, size: int) -> str:
        """Of what comes back."""
        async with self._opened(
            "GET", key, within_s=_ANSWER_S + size / _SLOWEST_BYTES_PER_S
        ) as got:
            if got.status != 200:
                raise answers.error(got.status, await _body(got))
            digest = hashlib.sha256()
            async for block in got.content.iter_chunked(_BLOCK_BYTES):
                digest.update(block)
            return digest.hexdigest()

    async def versions(self, prefix: str) -> list[Version]:
        """All objects whose keys begin so, each version of them."""
        try:
            return await self._listed({"versions": "", "prefix": prefix})
        except S3Error as error:
            if error.status not in (400, 404, 405, 501) or error.code == "NoSuchBucket":
                raise
            return await self._listed({"list-type": "2", "prefix": prefix})

    async def delete(self, one: Version) -> None:
        """One that is not there is no error."""
        query = {"versionId": one.id} if one.id else {}
        try:
            await self._ask("DELETE", one.key, query=query)
        except S3Error as error:
            if error.code not in ("NoSuchKey", "NoSuchVersion"):
                raise

    async def _listed(self, query: Mapping[str, str]) -> list[Version]:
        """A thousand at most: a call has a handful."""
        _, body = await self._ask("GET", "", query=query)
        found = answers.versions(body)
        return [one for one in found if one.key.startswith(query["prefix"])]

    async def _refusal(self, key: str) -> S3Error | None:
        """Why no request is taken; None: no reason is known."""
        try:
            await self._ask("GET", key, headers={"Range": "bytes=0-0"})
        except S3Error as error:
            if error.status and error.code not in ("NoSuchKey", "AccessDenied"):
                return error
        return None

    async def _put(
        self,
        key: str,
        body: bytes | AsyncIterable[bytes],
        size: int,
        sha256: str,
        within_s: float,
    ) -> None:
        headers = {
            "Content-Length": str(size),
            "Content-Type": "application/octet-stream",
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        await self._ask("PUT", key, headers=headers, body=body, sha256=sha256, within_s=within_s)

    async def _ask(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
        body: bytes | AsyncIterable[bytes] | None = None,
        sha256: str = signing.EMPTY_SHA256,
        within_s: float = _ANSWER_S,
    ) -> tuple[Mapping[str, str], bytes]:
        async with self._opened(
            method, key, query=query, headers=headers, body=body, sha256=sha256, within_s=within_s
        ) as response:
            answer = await _body(response)
            if not 200 <= response.status < 300:
                raise answers.error(response.status, answer)
            return response.headers, answer

    @contextlib.asynccontextmanager
    async def _opened(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
        body: bytes | AsyncIterable[bytes] | None = None,
        sha256: str = signing.EMPTY_SHA256,
        within_s: float,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        settings = self._settings
        path = self.path(key)
        asked = signing.Request(method, self._host, path, query, headers, sha256)
        signed = signing.signed_headers(
            asked,
            key_id=settings.access_key_id,
            secret=settings.secret_access_key,
            region=settings.region,
            now=datetime.now(UTC),
        )
        url = f"{self.base}{path}" + ("?" + signing.query_string(query) if query else "")
        try:
            session = self._session or http_session(
                ca_file=settings.ca_file, connections=settings.parallel + 1
            )
        except OSError as error:  # as ssl.SSLError is one
            raise S3Error(f"`ca_file` cannot be used: {error}", fix=_CHECK_ENDPOINT) from None
        self._session = session
        try:
            async with (
                asyncio.timeout(within_s),
                session.request(
                    method, URL(url, encoded=True), headers=signed, data=body, allow_redirects=False
                ) as response,
            ):
                yield response
        except TimeoutError:
            raise S3Error(f"no answer within {within_s:.0f} s", fix=_CHECK_ENDPOINT) from None
        except aiohttp.ClientError as error:
            raise S3Error(_words(error), fix=_CHECK_ENDPOINT) from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    read = b""
    while len(read) <= answers.MOST_BYTES and (piece := await response.content.read(_BLOCK_BYTES)):
        read += piece
    return read


def _etag(headers: Mapping[str, str]) -> str:
    return headers.get("ETag", "").strip('"')


def _words(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name does not resolve"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached: {error.os_error.strerror or type(error).__name__}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"[:200]
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return "closed the connection"
    return f"broke the protocol: {type(error).__name__}"
