"""The section `sip.tls` of the configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sipua.config.values.fields import OneLine, Port
from sipua.config.values.section import Section


class SipTlsSection(Section):
    """SIP over TLS, with `"tls"` among `sip.transports`. TLS 1.2 and 1.3. docs/tls.md."""

    port: Port = Field(default=5061, description="Port to listen on. 0 takes a free one.")
    certificate: OneLine = Field(
        default="",
        description="File of our certificate, with its chain (PEM). Empty: the edge connects to "
        "others by TLS, and does not listen. Servers that ask for a certificate get this one.",
    )
    key: OneLine = Field(default="", description="File of its key (PEM).")
    verify: bool = Field(
        default=True,
        description="Check the certificates of servers that we connect to, and that they are for "
        "the host name, or address, that the configuration has.",
    )
    ca_file: OneLine = Field(
        default="",
        description="Authorities whose certificates we believe servers (PEM). Empty: those of the "
        "system.",
    )
    client_ca_file: OneLine = Field(
        default="",
        description="Authorities whose certificates we believe peers that connect to us (PEM): a "
        "trunk is known by its `certificate_names` then. It must have the authority that has "
        "signed the peer's certificate itself, and not its root alone. Empty: no such "
        "certificate counts.",
    )
    client_certificates: Literal["wanted", "required"] = Field(
        default="wanted",
        description="`required`: a peer that connects without a certificate of `client_ca_file` is "
        "refused. `wanted`: it is known by its address.",
    )


Verify = Literal["inherit", "on", "off"]
TLS_CERTIFICATE: Any = Field(
    default="",
    description="File of the certificate that its servers are shown when we connect by TLS (PEM, "
    "with its chain). Empty: that of `sip.tls`. docs/tls.md.",
)
TLS_KEY: Any = Field(default="", description="File of its key (PEM).")
TLS_CA_FILE: Any = Field(
    default="",
    description="Authorities whose certificates we believe its servers (PEM). Empty: those of "
    "`sip.tls`.",
)
TLS_VERIFY: Any = Field(
    default="inherit",
    description="Check the certificates of its servers: `on`, `off`, or as `sip.tls.verify`.",
)
