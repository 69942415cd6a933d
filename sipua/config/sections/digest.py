"""`[[trunks.users]]`: who may prove to be one of a trunk's users."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from sipua.config.values.fields import AS_TUPLE, NO_SECRET, Secret, SipUser, not_empty
from sipua.config.values.section import Section

Algorithm = Literal["SHA-256", "MD5"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("SHA-256", "MD5")
DigestAlgorithms = Annotated[tuple[Algorithm, ...], AS_TUPLE, AfterValidator(not_empty)]


class UserSection(Section):
    """A user that a trunk's calls may prove to be."""

    user: SipUser = Field(description="User of the digest.", examples=["pbx-berlin"])
    password: Secret = Field(default=NO_SECRET, description="Better: `password_file`.")
    password_file: str = Field(
        default="", description="File that holds the password and nothing else."
    )
