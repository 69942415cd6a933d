"""S14: as whom a caller is answered is decided by where the call comes from, not by its names.

An account's identity brings its credentials with it: a stranger who got them could challenge our
BYE and collect a digest.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.peers.raw_caller import RawCaller
from support.ports import LOOPBACK

STRANGER = "127.0.0.2"


@pytest.fixture
def edge(edge_factory: Callable[..., Edge]) -> Edge:
    account = {
        "name": "pbx",
        "user": "6000",
        "password": "only-for-tests",
        "registrar": f"sip:{LOOPBACK}:9",  # no registrar is there; its address is what counts
    }
    return edge_factory({"accounts": [account]})


@pytest.mark.slow
@pytest.mark.parametrize(("host", "user"), [(LOOPBACK, "6000"), (STRANGER, "sipua")])
def test_S14_only_the_pbx_meets_the_accounts_identity(edge: Edge, host: str, user: str) -> None:
    with RawCaller(edge.address, host=host) as caller:
        caller.invite()
        answer = caller.final("INVITE")
        caller.ack()
        caller.bye()
        assert caller.final("BYE").status == 200
    assert answer.status == 200
    assert f"Contact: <sip:{user}@" in answer.text
