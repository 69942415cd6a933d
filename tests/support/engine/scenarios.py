"""Scenarios for the local agent, the format of docs/rehearsal.md.

path = scenario(tmp_path, '''
    [[steps]]
    on = "greeting"
    close = 1011
    after_ms = 600
    scope = "server"    # the first session only: the next one works
''')
edge = Edge(tmp_path, {"agent": {"scenario": path}})       # embedded in a real edge
AgentClient(settings(path))                                # without a socket
async with AgentServer(settings(path)) as server: ...      # over a websocket
"""

import itertools
import textwrap
from pathlib import Path
from typing import Any

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.config.scenario import reader as scenario_file

_numbers = itertools.count(1)


def scenario(home: Path, text: str) -> Path:
    """A scenario's file, checked: what is wrong with it fails the test that wrote it."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"scenario-{next(_numbers)}.toml"
    path.write_text(textwrap.dedent(text))
    scenario_file.load(path)
    return path


def settings(path: Path, **others: Any) -> AgentSettings:
    return AgentSettings(scenario=scenario_file.load(path), **others)
