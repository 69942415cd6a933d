"""Which of an account's registrars are to have it. No clock and no I/O.

The first one has it whenever it answers. The next one is asked when all before it fail, and left
when one before it has the account again: made before broken, so that calls always find a way in.
A registrar that fails is asked again and again by its own account (`registration.RetryPolicy`):
that is how it is seen that it is back. One that refuses us for good, for a wrong password, is no
reason to ask the next: it would refuse us, too, and count another wrong try.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence


class Standing(enum.Enum):
    """How we stand with a registrar."""

    IDLE = "idle"
    """It has not been asked, or was left."""
    TRYING = "trying"
    """It was asked, and may answer yet."""
    REGISTERED = "registered"
    FAILING = "failing"
    """It has not answered in time, or cannot do it; it is asked again."""
    REFUSED = "refused"
    """It is not asked again."""


class Step(enum.Enum):
    BEGIN = "begin"
    LEAVE = "leave"


def steps(standings: Sequence[Standing]) -> Iterator[tuple[int, Step]]:
    """`standings`: of an account's registrars, in their order. The steps to take now, by place."""
    better_one_has_it, all_before_fail = False, True
    for place, standing in enumerate(standings):
        idle = standing is Standing.IDLE
        if idle and all_before_fail:
            yield place, Step.BEGIN
        elif not idle and better_one_has_it:
            yield place, Step.LEAVE
        better_one_has_it = better_one_has_it or standing is Standing.REGISTERED
        all_before_fail = all_before_fail and standing is Standing.FAILING
