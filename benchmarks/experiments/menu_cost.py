"""What a call in a menu costs beside one with an agent, as pairs with the same callers:

    python benchmarks/experiments/menu_cost.py [--calls 50] [--seconds 15] [--pairs 2]

Callers talk all the time. With the agent both sides do; in the menu a prompt plays, which is longer
than the measurement. The engine and the callers are processes of their own, and are not counted.
"""

import argparse
import tempfile
import time
import wave
from contextlib import ExitStack
from pathlib import Path

from sipua.bench.common import children
from sipua.bench.load import callers, speech
from sipua.bench.load.call_loop import Add, Plan
from sipua.bench.load.edge import HOST, Edge
from sipua.bench.load.meter import Meter
from sipua.bench.replay import engine_side
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.playout import sounds

STARTUP_S = 30.0
SETTLE_S = 3.0
PROMPT_S = 300


def menu(folder: Path) -> str:
    said = sounds.prompt("sorry")
    with wave.open(str(folder / "menu.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sounds.RATE_HZ)
        file.writeframes(said.tobytes() * (PROMPT_S * sounds.RATE_HZ // len(said)))
    return (
        '[cdr]\nenabled = false\n\n[[routes]]\nname = "all"\nmenu = "main"\n\n'
        '[[menus]]\nname = "main"\nprompt = "menu.wav"\nkeys = { 1 = { agent = "all" } }\n'
    )


def measured(name: str, calls: int, seconds: float) -> float:
    """The processor's share of the edge and its worker, in percent of a core for each call."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        agent = stack.enter_context(
            children.Child("agent", engine_side.run, AgentSettings(max_sessions=4000), "")
        )
        outputs = menu(folder) if name == "menu" else "[cdr]\nenabled = false\n"
        url = agent.hear(STARTUP_S)
        edge = stack.enter_context(Edge(folder, workers=1, engine_url=url, outputs=outputs))
        edge.wait_listening()
        plan = Plan((HOST, edge.port), speech.loop().frames, 20, "m")
        phones = stack.enter_context(children.Child("callers", callers.run, plan))
        phones.hear(STARTUP_S)
        phones.ask(Add(calls), STARTUP_S)
        time.sleep(calls / 20 + SETTLE_S)
        meter = Meter(edge.processes(), callers=phones.pid, engine=agent.pid)
        meter.begin()
        time.sleep(seconds)
        shares = {one.name: one.cpu_percent for one in meter.end()}
        state = phones.ask("state", STARTUP_S)
    assert len(state.up) == calls, state.failed
    return (shares["worker 1"] + shares["edge"]) / calls


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--pairs", type=int, default=2)
    arguments = parser.parse_args()
    children.raise_file_limit()
    for _ in range(arguments.pairs):
        agent, in_menu = (
            measured(which, arguments.calls, arguments.seconds) for which in ("agent", "menu")
        )
        print(f"{agent:.2f} % of a core a call with the agent, {in_menu:.2f} % in the menu")
