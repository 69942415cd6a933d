"""A key that a command prints: when it is run, and who waits for it."""

import asyncio
from pathlib import Path

import pytest

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.log.secret_masking import MASK, mask_text
from sipua.worker.engines.key import _REMEMBERED, EngineKey
from sipua.worker.engines.key_command import KeyCommandError
from support.process import wait_until
from support.virtual_time import in_virtual_time

WORDS = ("/usr/local/bin/engine-token", "--for", "sipua")


class Command:
    def __init__(self) -> None:
        self.runs = 0
        self.fails = ""

    async def __call__(self) -> str:
        await asyncio.sleep(1)
        self.runs += 1
        if self.fails:
            raise KeyCommandError(self.fails)
        return f"key-of-run-{self.runs:04d}"


@in_virtual_time
async def test_all_who_wait_share_one_run() -> None:
    command = Command()
    key = EngineKey(WORDS, 300, command)
    assert await asyncio.gather(*(key.ready(5) for _ in range(100))) == [False] * 100
    assert (command.runs, key.value) == (1, "key-of-run-0001")


@in_virtual_time
async def test_it_is_used_for_its_life_and_fetched_anew_before_its_end() -> None:
    command = Command()
    key = EngineKey(WORDS, 300, command)
    await key.ready(5)
    await asyncio.sleep(224)
    assert await key.ready(5)
    assert command.runs == 1
    await asyncio.sleep(2)
    before = asyncio.get_running_loop().time()
    assert await key.ready(5)
    assert asyncio.get_running_loop().time() == before, "no call waits for it"
    assert key.value == "key-of-run-0001"
    await asyncio.sleep(2)
    assert (command.runs, key.value) == (2, "key-of-run-0002")
    await asyncio.sleep(301)
    assert not await key.ready(5)
    assert key.value == "key-of-run-0003"


@in_virtual_time
async def test_a_life_of_zero_is_a_run_for_each_connection() -> None:
    command = Command()
    key = EngineKey(WORDS, 0, command)
    for run in (1, 2, 3):
        assert not await key.ready(5)
        assert command.runs == run


@in_virtual_time
async def test_M1_a_command_that_fails_is_an_engine_that_cannot_be_reached() -> None:
    command = Command()
    command.fails = "has ended with status 3"
    key = EngineKey(WORDS, 300, command)
    with pytest.raises(EngineConnectError, match="engine-token has ended with status 3") as caught:
        await key.ready(5)
    assert (caught.value.kind, caught.value.retryable) == ("key", True)
    command.fails = ""
    with pytest.raises(EngineConnectError, match="status 3"):
        await key.ready(5)
    assert command.runs == 1, "not at once"
    await asyncio.sleep(1)
    await key.ready(5)
    assert key.value == "key-of-run-0002"


@in_virtual_time
async def test_a_failure_beside_the_calls_leaves_the_old_one_to_its_end() -> None:
    command = Command()
    key = EngineKey(WORDS, 300, command)
    await key.ready(5)
    command.fails = "has ended with status 3"
    await asyncio.sleep(250)
    assert await key.ready(5)
    await asyncio.sleep(10)
    assert await key.ready(5)
    assert key.value == "key-of-run-0001"
    await asyncio.sleep(100)
    with pytest.raises(EngineConnectError):
        await key.ready(5)


@in_virtual_time
async def test_a_call_that_gives_up_does_not_end_the_run() -> None:
    command = Command()
    key = EngineKey(WORDS, 300, command)
    with pytest.raises(EngineConnectError, match=r"not ended within 0\.5 s"):
        await key.ready(0.5)
    hung_up = asyncio.create_task(key.ready(5))
    await asyncio.sleep(0)
    hung_up.cancel()
    await asyncio.sleep(1)
    assert await key.ready(5)
    assert command.runs == 1


@in_virtual_time
async def test_a_key_that_is_refused_is_fetched_anew() -> None:
    command = Command()
    key = EngineKey(WORDS, 300, command)
    await key.ready(5)
    await key.renew(5)
    assert key.value == "key-of-run-0002"


@in_virtual_time
async def test_keys_that_a_connection_may_have_are_masked_and_older_ones_do_not_pile_up() -> None:
    key = EngineKey(WORDS, 0, Command())
    for _ in range(_REMEMBERED + 1):
        await key.ready(5)
    assert mask_text("key-of-run-0001") == "key-of-run-0001"
    assert {mask_text(f"key-of-run-{run:04d}") for run in range(2, _REMEMBERED + 2)} == {MASK}


@in_virtual_time
async def test_an_old_configurations_key_is_masked_while_the_new_one_has_the_same() -> None:
    old, new = EngineKey(WORDS, 300, Command()), EngineKey(WORDS, 600, Command())
    for key in (old, new):
        await key.ready(5)
    assert old.value == new.value
    await old.close()
    assert mask_text(new.value) == MASK
    await new.close()
    assert mask_text(new.value) == new.value, "no connection has it"


@in_virtual_time
async def test_an_end_in_the_middle_of_a_run() -> None:
    key = EngineKey(WORDS, 300, Command())
    key.fetch()
    await key.close()
    await asyncio.sleep(5)
    assert key.value == ""


def test_the_loop_is_not_held_by_a_run_and_an_end_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        key = EngineKey(("/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 600"), 300)
        key.fetch()
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.01)
        await key.close()

    asyncio.run(main())
    pid = (tmp_path / "pid").read_text().strip()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the end of the command")


def test_a_real_command() -> None:
    async def main() -> str:
        key = EngineKey(("/bin/echo", "key-of-a-thread"), 300)
        await key.ready(10)
        await key.close()
        return key.value

    assert asyncio.run(main()) == "key-of-a-thread"
