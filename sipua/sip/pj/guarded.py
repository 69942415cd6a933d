"""The wrapper of a call's callbacks: SWIG would swallow an exception, and the call would hang."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")


class Failing(Protocol):
    def fail(self, where: str, error: Exception) -> None: ...


C = TypeVar("C", bound=Failing)


def guarded(callback: Callable[Concatenate[C, P], None]) -> Callable[Concatenate[C, P], None]:
    """An exception in it ends its call with a logged cause, and nothing else."""

    def safe(self: C, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self.fail(callback.__name__, error)

    safe.__name__ = callback.__name__
    return safe
