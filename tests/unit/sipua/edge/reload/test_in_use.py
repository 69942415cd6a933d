"""The parts of a running edge that get another configuration."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from sipua.config import Config
from sipua.config.change.plan import Plan
from sipua.edge.in_use import PartsInUse
from sipua.edge.reload.changed import Changed


def test_no_trunk_requires_a_verdict_without_what_verifies(tmp_path: Path) -> None:
    """The authorities have gone between the check and their use."""
    parts: dict[str, Any] = {one.name: Mock() for one in fields(PartsInUse)}
    parts |= {"most_calls": 8, "checks": SimpleNamespace(verifier=None, use=Mock())}
    trunk = {"name": "carrier", "hosts": ("192.0.2.1",), "stir": "require"}
    keys = {"authorities": str(tmp_path / "gone.pem")}
    config = Config.model_validate({"stir": keys, "trunks": (trunk,)})
    changed = Changed(Config(), config, Mock(spec=Plan))
    with pytest.raises(FileNotFoundError):
        PartsInUse(**parts)._for_peers(changed)
    parts["admission"].use.assert_not_called()
