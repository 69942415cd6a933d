"""The section `stir` of the configuration: STIR/SHAKEN."""

from __future__ import annotations

from pydantic import Field

from sipua.config.values.addresses import Networks
from sipua.config.values.fields import OneLine
from sipua.config.values.section import Section


class StirSignSection(Section):
    """Signing our calls, for trunks and accounts with `stir_attest`."""

    key: OneLine = Field(
        default="", description="File of our key on the curve P-256 (PEM), without a password."
    )
    certificate_url: OneLine = Field(
        default="",
        description="Where others find our certificate with its chain (PEM): an https URL.",
        examples=["https://certificates.example.com/stir.pem"],
    )
    certificate: OneLine = Field(
        default="",
        description="The file that is there: checked, so that a key that does not fit, or an "
        "expired certificate, is found before others refuse our calls. Empty: it is not checked.",
    )
    origid: OneLine = Field(
        default="",
        description="The UUID of this place of origin, for tracing calls back. Empty: one made of "
        "`certificate_url`, always the same.",
    )


class StirSection(Section):
    """STIR/SHAKEN (RFC 8224): who vouches for a caller's number. docs/stir.md."""

    authorities: OneLine = Field(
        default="",
        description="Authorities whose certificates we believe signers (PEM): the list of your "
        "country's policy administrator. Needed where a trunk has `stir`.",
    )
    max_age_s: float = Field(
        default=60.0,
        ge=5.0,
        le=600.0,
        allow_inf_nan=False,
        description="The oldest signature that counts (RFC 8224: 60). Clocks must agree as well.",
    )
    timeout_s: float = Field(
        default=2.0,
        ge=0.1,
        le=10.0,
        allow_inf_nan=False,
        description="How long a call waits, while it rings, for a certificate that is not known.",
    )
    allow: Networks = Field(
        default=(),
        description="Networks in which certificates may be, beside public addresses: "
        "`10.1.2.0/24`. All others are refused: the URL is the caller's.",
    )
    ca_file: OneLine = Field(
        default="",
        description="Certificates (PEM) by which servers of certificates are trusted with those of "
        "the system.",
    )
    sign: StirSignSection = StirSignSection()
