"""Asterisk with its own STIR/SHAKEN (res_stir_shaken): the calls of its endpoint `trunk` are
signed, and calls to it are verified.
"""

from dataclasses import dataclass
from pathlib import Path

MODULES = "res_curl res_stir_shaken res_pjsip_stir_shaken func_curl"


@dataclass(frozen=True, slots=True)
class Stir:
    key: Path
    url: str
    """Of its certificate."""
    number: str
    """That it may sign with."""
    ca_file: Path
    """Whom it believes."""
    cache: Path
    https_ca_file: Path
    """By which servers of certificates are trusted."""

    @property
    def trusting(self) -> tuple[str | Path, ...]:
        """A command before its own: libcurl knows the certificates of the system alone, so these
        stand in their place, for this one process. It takes root."""
        mount = 'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"'
        return ("unshare", "-m", "sh", "-c", mount, self.https_ca_file)


def config(stir: Stir) -> str:
    return f"""\
[attestation]
private_key_file = {stir.key}
public_cert_url = {stir.url}
attest_level = A
[{stir.number}]
type = tn
attest_level = A
[verification]
ca_file = {stir.ca_file}
cert_cache_dir = {stir.cache}
failure_action = reject_request
x5u_deny = 0.0.0.0/0.0.0.0
x5u_permit = 127.0.0.0/8
relax_x5u_port_scheme_restrictions = yes
[both]
type = profile
endpoint_behavior = on
"""
