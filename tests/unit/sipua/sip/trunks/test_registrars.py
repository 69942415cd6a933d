"""Which registrar of an account is asked, and which is left."""

import pytest

from sipua.sip.trunks.registrars import Standing, Step, steps

IDLE, TRYING, REGISTERED = Standing.IDLE, Standing.TRYING, Standing.REGISTERED
FAILING, REFUSED = Standing.FAILING, Standing.REFUSED


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ((REGISTERED, IDLE), {}),
        ((TRYING, IDLE), {}),
        ((FAILING, IDLE, IDLE), {1: Step.BEGIN}),
        ((FAILING, TRYING, IDLE), {}),
        ((FAILING, FAILING, IDLE), {2: Step.BEGIN}),
        ((FAILING, REGISTERED, IDLE), {}),
        ((REGISTERED, REGISTERED, IDLE), {1: Step.LEAVE}),
        ((REGISTERED, FAILING, REGISTERED), {1: Step.LEAVE, 2: Step.LEAVE}),
        # A wrong password is as wrong at the next one, which would count it, too.
        ((REFUSED, IDLE), {}),
        # Where the first one comes back and refuses us, calls still come in by the second.
        ((REFUSED, REGISTERED), {}),
        ((FAILING, REFUSED, IDLE), {}),
    ],
)
def test_S19_who_begins_and_who_is_left(
    standings: tuple[Standing, ...], expected: dict[int, Step]
) -> None:
    assert dict(steps(standings)) == expected
