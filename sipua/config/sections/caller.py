"""What is read of the requests of an account or a trunk, and what it may ask for: keys that both
have.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from sipua.config.values.fields import AS_TUPLE, not_empty
from sipua.sip.parties.caller import TRUSTED_ORDER, CallerHeader
from sipua.sip.wire.verdict import Attestation, Checking

Stir: TypeAlias = Checking
MinAttest: TypeAlias = Attestation
OptionalAttest: TypeAlias = Literal["", "A", "B", "C"]
Allow: TypeAlias = Literal["deny", "allow"]
CallerHeaders = Annotated[tuple[CallerHeader, ...], AS_TUPLE, AfterValidator(not_empty)]

TRUST_IDENTITY: Any = Field(
    default=False,
    description="Believe what its INVITEs say of the caller beside From: P-Asserted-Identity, "
    "Remote-Party-ID, Diversion, History-Info. docs/numbers.md.",
)
CALLER_HEADERS: Any = Field(
    default=TRUSTED_ORDER,
    description="With `trust_identity`: the headers that say who calls. The first one that has one "
    "counts.",
)
COUNTRY: Any = Field(
    default="",
    description="Numbers become E.164 (`+4930123456`): those without a country are of this one, "
    "such as `DE` (`pip install 'sipua[numbers]'`). Empty: they stay as they are.",
    examples=["DE"],
)
NUMBER_IN: Any = Field(
    default={},
    description="In calls from it: what a number begins with, and what stands there instead, "
    'before `country` counts: `{ "00" = "+", "0" = "+49" }`. The longest that fits counts; `""` '
    "fits all but `+…`.",
)
HEADERS_IN: Any = Field(
    default=(),
    description="Headers of its INVITEs that are read: for tools, and for `{{header:X-Account}}` "
    "in instructions.",
    examples=[["X-Account"]],
)
STIR: Any = Field(
    default="off",
    description="What is done with the Identity headers of its INVITEs (STIR/SHAKEN). `verify`: "
    "they are verified, and the agent, tools and events are told. `require`: a call whose number "
    "is not verified is refused. docs/stir.md.",
)
STIR_MIN_ATTEST: Any = Field(
    default="C",
    description='With `stir = "require"`: the weakest attestation that is taken. `A`: the caller '
    "may use its number. `B`: the provider knows the caller. `C`: the provider knows neither.",
)
TRUST_VERSTAT: Any = Field(
    default=False,
    description="Believe what it has found out about the caller's number: the parameter `verstat` "
    "in P-Asserted-Identity or From. Identity headers count more.",
)
STIR_ATTEST: Any = Field(
    default="",
    description="Sign our calls to it with the key of `stir.sign`, and attest this: `A`, `B` or "
    "`C`. Empty: they are not signed.",
)
REFER: Any = Field(
    default="deny",
    description="Whether it may ask by REFER that we call somebody, who takes its place in the "
    "call. docs/transfer.md.",
)
REFER_TARGETS: Any = Field(
    default=(),
    description="With `refer`: whom it may name. A number, with `*` and `?`, is one of the peer "
    "itself; `user@host` is anybody else, and a user of the peer who is no number (`bob`), whom "
    '`"*"` does not mean; `!` in front forbids. `allowed_destinations` holds as well.',
    examples=[["2??", "*@pbx.example.com", "!299"]],
)
DIALOG_SOURCE: Any = Field(
    default="known",
    description="Where requests within its calls (BYE, re-INVITE, INFO, REFER) may come from. "
    "`known`: where the call began, addresses of this peer, the way that the call has agreed on "
    "(Contact, Record-Route); where its certificate is asked for, a connection with it. `any`: "
    "anywhere, for a peer whose servers change within a call. Others get 481. docs/trunks.md.",
)
REPLACES: Any = Field(
    default="deny",
    description="Whether an INVITE of it with Replaces takes over a call that it has with us, and "
    "a REFER of it may name a call that is to be taken over: attended transfers.",
)
