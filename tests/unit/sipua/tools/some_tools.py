"""Functions that the tests of Python tools load by name."""

import asyncio
import threading
import time
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from sipua.tools import CallInfo, ToolError

RELEASE = threading.Event()


@dataclass
class Order:
    number: int
    state: str


def find_order(
    number: Annotated[int, Field(ge=1)], kind: Literal["new", "old"] = "new", *, call: CallInfo
) -> Order:
    """Looks up an order by its number.

    Use it when the caller asks about an order.

    Args:
        number: As it stands on the invoice,
            without letters.
        kind (str): Which list.

    Returns:
        The order.
    """
    return Order(number, f"{kind} for {call.from_uri}")


async def book(day: date, seats: int = 2) -> dict[str, Any]:
    """Books a table."""
    await asyncio.sleep(0)
    return {"weekday": day.strftime("%A"), "seats": seats, "loop": threading.current_thread().name}


def by_hand(**arguments: Any) -> str:
    return f"got {arguments}"


by_hand.description = "Takes what its own schema says."  # type: ignore[attr-defined]
by_hand.parameters = {"type": "object", "required": ["x"]}  # type: ignore[attr-defined]


def explains() -> None:
    """Tells the model what is wrong."""
    raise ToolError("The kitchen is closed on Mondays.")


def breaks() -> None:
    """Has a bug."""
    raise KeyError("password=geheim")


def leaves() -> None:
    """Calls sys.exit, as library code sometimes does."""
    raise SystemExit(3)


def stuck() -> str:
    """Blocks its thread."""
    RELEASE.wait(20)
    return "late"


async def rude() -> str:
    """Blocks its loop."""
    time.sleep(0.3)  # noqa: ASYNC251 - what it is about
    return "done"


def half() -> dict[str, str]:
    """Returns what no UTF-8 can hold."""
    return {"name": "half a smile: \ud83d"}


async def half_later() -> dict[str, str]:
    """The same, from a coroutine."""
    return half()


class Half(BaseModel):
    name: str


def half_model() -> Half:
    """The same, as a model."""
    return Half.model_construct(name="half a smile: \ud83d")


def half_refused() -> None:
    """The same, as an error."""
    raise ToolError("half a smile: \ud83d\0")


def far_too_long() -> list[str]:
    """Returns 10 MB."""
    return ["x" * 10_000_000]


def untyped(x):  # type: ignore[no-untyped-def]
    """Says nothing of its parameter."""


def silent(x: int) -> None: ...


def positional(x: int, /) -> None:
    """Cannot be called by name."""


not_a_function = 7
