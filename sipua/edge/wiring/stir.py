"""From the configuration to STIR/SHAKEN: who is believed, and with what we sign."""

from __future__ import annotations

import ipaddress
import time
import uuid
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

from sipua.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.rtp.ports import PortPool
from sipua.sip.messages import IncomingCall, SipEvent
from sipua.sip.parties.claim import canonical_tn
from sipua.sip.settings import Sign
from sipua.sip.wire.verdict import Attestation
from sipua.stir.incoming import IncomingChecks

if TYPE_CHECKING:
    from sipua.stir.verifier import Verifier


def checks(
    config: Config,
    ports: PortPool,
    *,
    then: Callable[[SipEvent], None],
) -> IncomingChecks:
    def release(call: IncomingCall) -> None:
        ports.release(call.local, time.monotonic())

    return IncomingChecks(verifier(config), then=then, release=release)


def verifier(config: Config, before: Verifier | None = None) -> Verifier | None:
    """The one before, if it would be the same: it knows certificates. None: no trunk asks for one.
    Raises OSError, ValueError: the authorities cannot be read."""
    peers: list[AccountSection | TrunkSection] = [*config.accounts, *config.trunks]
    if all(one.stir == "off" for one in peers):
        return None
    # An extra, and half a tenth of a second to import: only edges that verify need it.
    from sipua.stir.verifier import Verifier, VerifySettings  # noqa: PLC0415

    keys = config.stir
    settings = VerifySettings(
        authorities=Path(keys.authorities).expanduser().read_bytes(),
        max_age_s=keys.max_age_s,
        timeout_s=keys.timeout_s,
        allow=tuple(ipaddress.ip_network(one) for one in keys.allow),
        ca_file=keys.ca_file,
    )
    return before if before is not None and before.settings == settings else Verifier(settings)


def signing(config: Config) -> Callable[[Attestation], Sign]:
    """Raises OSError, ValueError: the key cannot be read."""
    from sipua.stir.sign import Vouching, load_key  # noqa: PLC0415 - see above

    keys = config.stir.sign
    url = keys.certificate_url
    origid = keys.origid or str(uuid.uuid5(uuid.NAMESPACE_URL, url))
    vouching = Vouching(load_key(Path(keys.key).expanduser().read_bytes()), url, origid)

    def with_attest(attest: Attestation) -> Sign:
        def sign(caller: str, called: str) -> dict[str, str]:
            orig, dest = canonical_tn(caller), canonical_tn(called)
            if orig is None or dest is None:
                return {}
            now = int(time.time())
            date = formatdate(now, usegmt=True)  # RFC 8224 4.1: at the time of the signature
            return {"Identity": vouching.shaken(orig, (dest,), attest, now), "Date": date}

        return sign

    return with_attest
