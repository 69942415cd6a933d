"""Which core each process of a load gets, so that callers and agent take nothing from the edge.

A core of its own goes first to each worker, then to callers and agent together, then to the edge's
process, which has signalling alone; then callers and agent are parted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    edge: int
    workers: tuple[int, ...]
    callers: int
    agent: int

    def words(self) -> str:
        shared = "callers and agent share a core" if self.callers == self.agent else ""
        beside = "the edge's process shares worker 1's" if self.edge in self.workers else ""
        told = ", ".join(words for words in (shared, beside) if words)
        return f"callers and agent are pinned apart from the edge{': ' if told else ''}{told}"


def layout(usable: Iterable[int], workers: int) -> Layout | None:
    """None: too few cores to keep the callers off the workers."""
    cores = sorted(usable)
    spare = len(cores) - workers
    if spare < 1:
        return None
    # The lowest core is the one that the kernel's own work prefers.
    others, taken = cores[:spare], tuple(cores[spare:])
    if spare == 1:
        return Layout(edge=taken[0], workers=taken, callers=others[0], agent=others[0])
    if spare == 2:
        return Layout(edge=others[1], workers=taken, callers=others[0], agent=others[0])
    return Layout(edge=others[1], workers=taken, callers=others[0], agent=others[2])
