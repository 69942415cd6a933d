"""docs/rehearsal.md: what is printed there can be used, and nothing is left out."""

import re
import textwrap
from pathlib import Path

import pytest
from sipua.bridge.agent import faults
from sipua.bridge.agent.scenario import Scenario

from sipua.config.scenario_file import CallEntry, ConnectEntry, ScenarioKeys, StepEntry
from support.scenarios import scenario, settings

PAGE = (Path(__file__).parents[4] / "docs" / "rehearsal.md").read_text()
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n|^\n)+", PAGE, re.MULTILINE)]
SCENARIOS = [block for block in BLOCKS if re.search(r"^\[\[", block, re.MULTILINE)]


def test_there_are_scenarios_to_copy() -> None:
    assert len(SCENARIOS) >= 2


@pytest.mark.parametrize("text", SCENARIOS)
def test_each_scenario_of_the_page_is_one(tmp_path: Path, text: str) -> None:
    assert settings(scenario(tmp_path, text)).scenario != Scenario()


@pytest.mark.parametrize("model", [StepEntry, ConnectEntry, CallEntry, ScenarioKeys])
def test_every_key_is_told(model: type[StepEntry]) -> None:
    missing = [name for name in model.model_fields if not re.search(rf"`?\b{name}\b", PAGE)]
    assert missing == []


def test_every_fault_is_told() -> None:
    told = re.findall(r"^\| `(\w+)` \| (.*?)[|;]", PAGE, re.MULTILINE)
    assert set(faults.FAULTS) <= {name for name, _ in told}
