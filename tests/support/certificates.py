"""Certificates for tests of TLS, made by the openssl command: an authority, and whom it signs."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_CONFIG = """\
[ca]
default_ca = one
[one]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Issued:
    certificate: Path
    key: Path

    def replace_by(self, other: "Issued") -> None:
        """As a renewal does: other contents under the same names."""
        self.certificate.write_bytes(other.certificate.read_bytes())
        self.key.write_bytes(other.key.read_bytes())


class Authority:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.file = folder / "ca.pem"
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(_CONFIG.format(folder=folder))
        usage = ("-addext", "basicConstraints=critical,CA:TRUE")
        made = ("-keyout", folder / "ca.key", "-out", self.file, "-days", "90")
        _openssl("req", "-x509", *_KEY, *made, "-subj", "/CN=Authority", *usage)

    def issue(
        self, name: str, *alternative: str, file: str = "", days: tuple[float, float] = (-1, 60)
    ) -> Issued:
        """For a name, and more (`DNS:pbx.test`, `IP:127.0.0.1`). `days`: from when, to when."""
        at = self._folder / (file or name)
        made = Issued(at.with_suffix(".pem"), at.with_suffix(".key"))
        request, extensions = at.with_suffix(".csr"), at.with_suffix(".ext")
        names = ",".join(alternative or (f"DNS:{name}", "IP:127.0.0.1"))
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        begin, end = (datetime.now(UTC) + timedelta(days=one) for one in days)
        time = "%Y%m%d%H%M%SZ"
        lasts = ("-startdate", begin.strftime(time), "-enddate", end.strftime(time))
        files = ("-in", request, "-out", made.certificate, "-extfile", extensions)
        _openssl("ca", "-batch", "-notext", "-config", self._folder / "ca.cnf", *lasts, *files)
        return made


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
