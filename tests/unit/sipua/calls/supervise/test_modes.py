import pytest

from sipua.calls.supervise.modes import CallNow, SuperviseSettings, refused


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge", "takeover"])
def test_each_is_possible_while_both_talk(mode: str) -> None:
    assert refused(mode, CallNow()) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (CallNow(put_through=True), "put through"),
        (CallNow(engine_gone=True), "no agent"),
        (CallNow(on_hold=True), "on hold"),
    ],
)
def test_the_rest_can_be_heard_and_not_taken_over(now: CallNow, why: str) -> None:
    assert why in refused("takeover", now)
    assert refused("listen", now) == refused("barge", now) == ""


def test_the_place_of_a_person_can_be_taken() -> None:
    assert refused("takeover", CallNow(put_through=True, joined=True)) == ""
    assert refused("takeover", CallNow(put_through=True, joined=True, engine_gone=True)) == ""
    on_hold = CallNow(put_through=True, joined=True, on_hold=True)
    assert "on hold" in refused("takeover", on_hold)


def test_nothing_before_the_answer() -> None:
    assert "not answered" in refused("listen", CallNow(confirmed=False))


@pytest.mark.parametrize(
    ("wanted", "configured", "account"),
    [("a", "b", "a"), ("", "b", "b"), ("", "", "trunk")],
)
def test_the_account_that_a_supervisor_is_called_by(
    wanted: str, configured: str, account: str
) -> None:
    settings = SuperviseSettings(account=configured, placing=frozenset({"trunk"}))
    assert settings.account_for(wanted, "trunk") == account


def test_a_call_that_came_by_a_trunk_without_a_server_leaves_straight() -> None:
    assert SuperviseSettings().account_for("", "inbound-only") == ""
