"""A number of a pool is a call's from before its INVITE to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sipua.config import Config
from sipua.edge.placing.number_pools import NumberPools, PoolError
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.sip.parties.number_pool import Exhausted


class Bed:
    def __init__(self, folder: Path, **pool: Any) -> None:
        keys = {"name": "sales", "numbers": ("+49301", "+49302"), "max_calls": 1, **pool}
        trunks = tuple(
            {"name": name, "proxy": "sip:192.0.2.1", "number_pool": "sales"}
            for name in ("carrier", "other")
        )
        config = Config.model_validate(
            {
                "trunks": trunks,
                "number_pools": (keys,),
                "number_uses": {"directory": str(folder)},
            }
        )
        self.events = EventStream("test")
        self.pools = NumberPools(config, self.events)

    async def take(self, call_id: str, trunk: str = "carrier") -> str | Exhausted:
        return await self.pools.take(call_id, trunk, "+33")

    def tell(self, kind: str, call_id: str, **data: Any) -> None:
        self.events.put(Told(kind, 0.0, call_id, msgspec.json.encode(data)))

    def invited(self, call_id: str, **data: Any) -> None:
        self.tell("call.placing", call_id, account="carrier")
        self.tell("call.invited", call_id, **data)

    def ended(self, call_id: str, status: int = 200) -> None:
        self.tell("call.ended", call_id, end={"sip": {"status": status}}, answered=status == 200)


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    made = Bed(tmp_path)
    yield made
    await made.pools.stop()


async def test_each_number_has_one_call_at_once(bed: Bed) -> None:
    assert [await bed.take("c-1"), await bed.take("c-2")] == ["+49301", "+49302"]
    full = await bed.take("c-3")
    assert isinstance(full, Exhausted)
    assert full.rule == "max_calls"
    bed.invited("c-2")
    bed.ended("c-2", 486)
    assert await bed.take("c-3") == "+49302"
    bed.pools.give_back("c-1")  # it never began
    bed.pools.give_back("c-1")
    assert await bed.take("c-4") == "+49301"


async def test_trunks_of_one_call_share_a_number(bed: Bed) -> None:
    assert [await bed.take("c-1"), await bed.take("c-1", "other")] == ["+49301", "+49301"]
    bed.invited("c-1")
    bed.invited("c-1", origin="other")
    bed.ended("c-1")
    assert await bed.take("c-2") == "+49302"
    assert await bed.take("c-3") == "+49301"


async def test_a_number_that_no_invite_has_shown_is_not_counted(tmp_path: Path) -> None:
    bed = Bed(tmp_path, max_calls=0, max_calls_per_day=1, numbers=("+49301",))
    assert await bed.take("c-1") == "+49301"
    bed.pools.give_back("c-1")
    assert await bed.take("c-2") == "+49301"
    bed.invited("c-2")
    bed.ended("c-2", 486)
    full = await bed.take("c-3")
    assert isinstance(full, Exhausted)
    assert full.rule == "max_calls_per_day"
    await bed.pools.stop()


@pytest.mark.parametrize(("status", "rests"), [(603, True), (608, True), (486, False)])
async def test_a_number_that_is_not_wanted_rests(tmp_path: Path, status: int, rests: bool) -> None:
    bed = Bed(tmp_path, numbers=("+49301",), rest_h=1)
    await bed.take("c-1")
    bed.invited("c-1")
    bed.ended("c-1", status)
    again = await bed.take("c-2")
    assert isinstance(again, Exhausted) == rests
    await bed.pools.stop()


async def test_counts_that_cannot_be_kept_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bed = Bed(tmp_path / "file")
    with pytest.raises(PoolError, match="file"):
        await bed.take("c-1")
    await bed.pools.stop()
