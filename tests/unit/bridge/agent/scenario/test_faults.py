import pytest

from sipua.bridge.agent.scenario import faults
from sipua.bridge.agent.scenario.scenario import ALWAYS, Connect, Scenario, Step


@pytest.mark.parametrize(
    ("text", "scenario"),
    [
        ("drop", Scenario(steps=(Step(on="time", at_s=10, close=1011),))),
        ("cut:2.5", Scenario(steps=(Step(on="time", at_s=2.5, cut=True),))),
        ("freeze:0", Scenario(steps=(Step(on="time", freeze=True),))),
        ("stall:30", Scenario(steps=(Step(at_s=30, times=ALWAYS, stall_ms=5000),))),
        ("silence", Scenario(steps=(Step(times=ALWAYS, silent=True),))),
        ("burst", Scenario(steps=(Step(times=ALWAYS, burst_s=60),))),
        (
            "429:20",
            Scenario(connect=(Connect(from_s=20, status=429, retry_after_s=1, times=ALWAYS),)),
        ),
    ],
)
def test_a_fault_is_a_scenario(text: str, scenario: Scenario) -> None:
    assert faults.parse(text) == scenario


@pytest.mark.parametrize("text", ["drip", "", "Drop", "drop:", "drop:x", "drop:-1", "drop:nan"])
def test_what_is_no_fault_is_told_with_what_is(text: str) -> None:
    with pytest.raises(faults.FaultError) as caught:
        faults.parse(text)
    assert caught.value.fix == (
        f"known: {', '.join(faults.FAULTS)}" if not text.startswith("drop") else "write drop:10"
    )
