"""A certificate of a run's own, so that the engine on this machine can be spoken to by TLS."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sipua.bench.common.errors import BenchError

_TRUST = "SSL_CERT_FILE"


@contextmanager
def certificate() -> Iterator[str]:
    """The path of one for 127.0.0.1, with its key; processes that are started inside trust it, and
    no other. Raises BenchError.
    """
    with tempfile.TemporaryDirectory(prefix="sipua-bench-tls-") as folder:
        path = Path(folder, "engine.pem")
        _make(path)
        before = os.environ.get(_TRUST)
        os.environ[_TRUST] = str(path)
        try:
            yield str(path)
        finally:
            if before is None:
                del os.environ[_TRUST]
            else:
                os.environ[_TRUST] = before


def _make(path: Path) -> None:
    key = path.with_suffix(".key")
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=sipua bench"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)  # noqa: S603 - ours
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(
            f"--tls needs the openssl command to make a certificate: {error}"
        ) from None
    path.write_bytes(path.read_bytes() + key.read_bytes())
