"""The ways in which a call is put through."""

from __future__ import annotations

from typing import Literal, TypeAlias

TransferMode: TypeAlias = Literal["refer", "dial", "auto", "warm"]
"""As it is asked for."""
Mode: TypeAlias = Literal["refer", "dial", "warm"]
"""As it was done."""
