"""A real server of S3 (SeaweedFS) that checks signatures, and its files past S3."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sipua.recording.s3 import signing
from support.ports import LOOPBACK, PortBlock
from support.process import Child

KEY_ID, SECRET = "sipua-of-the-tests", "secret+of/the=tests"
BUCKET = "call-recordings"
VERSIONED = "every-version-is-kept"
_OWNER = "owner-of-the-bucket"
_KEEP_VERSIONS = b"""<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Status>Enabled</Status></VersioningConfiguration>"""


def program() -> Path:
    """It comes with the environment."""
    return Path(sys.executable).parent / "weed"


class S3Server:
    """Listening, with an empty bucket, when the constructor returns."""

    def __init__(self, home: Path) -> None:
        self._home = home
        (home / "data").mkdir(parents=True)
        self._config = home / "s3.json"
        buckets = (BUCKET, VERSIONED)
        rights = [f"{right}:{one}" for right in ("Read", "Write", "List") for one in buckets]
        identities = [
            _identity("edge", KEY_ID, SECRET, rights),
            _identity("owner", _OWNER, _OWNER, ["Admin"]),
        ]
        self._config.write_text(json.dumps({"identities": identities}))
        block = PortBlock(20)
        self._ports = [block.port() for _ in range(8)]
        self._block = block
        self._start()
        for bucket in buckets:
            self.ask("PUT", f"/{bucket}")
        self.ask("PUT", f"/{VERSIONED}", {"versioning": ""}, _KEEP_VERSIONS)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._ports[0]}"

    def _start(self) -> None:
        names = ("s3", "filer", "master", "volume")
        options = [f"-{name}.port={self._ports[at]}" for at, name in enumerate(names)]
        options += [f"-{name}.port.grpc={self._ports[at + 4]}" for at, name in enumerate(names)]
        command = [
            *(program(), "-logtostderr=true", "server", "-s3", "-filer"),
            *(f"-dir={self._home / 'data'}", f"-ip={LOOPBACK}", f"-s3.config={self._config}"),
            *("-master.volumeSizeLimitMB=16", "-volume.max=8", "-volume.preStopSeconds=0"),
            *options,
        ]
        self._process = Child(command, self._home / "weed.log", cwd=self._home)
        self._process.wait_up(self._answers, 60)

    def close(self) -> None:
        self._process.kill()
        self._block.close()

    def door(self) -> Door:
        """Closed at first."""
        return Door(self._ports[0], self._block.port())

    def _answers(self) -> bool:
        try:
            self.ask("GET", "/")
        except OSError:
            return False
        return True

    def ask(
        self, method: str, path: str, query: Mapping[str, str] = {}, body: bytes = b""
    ) -> bytes:
        """Signed by the owner. Raises OSError."""
        host = f"{LOOPBACK}:{self._ports[0]}"
        request = signing.Request(method, host, path, query, {}, hashlib.sha256(body).hexdigest())
        headers = signing.signed_headers(
            request, key_id=_OWNER, secret=_OWNER, region="us-east-1", now=datetime.now(UTC)
        )
        url = f"http://{host}{path}?{signing.query_string(query)}"
        asked = urllib.request.Request(url, body or None, headers, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            told: bytes = answer.read()
        return told

    def objects(self) -> dict[str, bytes]:
        """All in the bucket by their keys, read from the server's file system and not by S3."""
        return dict(self._below(""))

    def _below(self, folder: str) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        for entry in self._listed(folder):
            name = entry["FullPath"].removeprefix(f"/buckets/{BUCKET}/")
            if entry.get("Mode", 0) & 1 << 31 or name.endswith(".versions"):
                found += self._below(name + "/") if not name.startswith(".") else []
            else:
                found.append((name, self._filed(name)))
        return found

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        url = f"http://{LOOPBACK}:{self._ports[1]}/buckets/{BUCKET}/{folder}"
        asked = urllib.request.Request(url, headers={"Accept": "application/json"})
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                entries: list[dict[str, Any]] = json.load(answer).get("Entries") or []
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return []
        return entries

    def _filed(self, name: str) -> bytes:
        url = f"http://{LOOPBACK}:{self._ports[1]}/buckets/{BUCKET}/{name}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body: bytes = answer.read()
        return body


def _identity(name: str, key_id: str, secret: str, rights: list[str]) -> dict[str, Any]:
    credentials = [{"accessKey": key_id, "secretKey": secret}]
    return {"name": name, "credentials": credentials, "actions": rights}


class Door:
    """Another port of the server, where nothing listens until it is opened."""

    def __init__(self, behind: int, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self._behind, self._port = behind, port
        self._server: socket.socket | None = None

    def open(self) -> None:
        self._server = socket.create_server((LOOPBACK, self._port))
        threading.Thread(target=self._run, args=(self._server,), daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()

    def _run(self, server: socket.socket) -> None:
        while True:
            try:
                here = server.accept()[0]
            except OSError:
                return
            there = socket.create_connection((LOOPBACK, self._behind))
            for pair in ((here, there), (there, here)):
                threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
