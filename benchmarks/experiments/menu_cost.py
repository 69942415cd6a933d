"""What a call in a menu, or one that waits in a queue, costs beside one with an agent, with the
same callers:

    python benchmarks/experiments/menu_cost.py [--calls 50] [--seconds 15] [--rounds 2]

Callers talk all the time. With the agent both sides do; in the menu a prompt plays, which is longer
than the measurement; in the queue music, and the place every ten seconds, while no member is signed
in. The engine and the callers are processes of their own, and are not counted.
"""

import argparse
import tempfile
import time
import wave
from collections.abc import Callable, Mapping
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


def queue(_folder: Path) -> str:
    return (
        '[cdr]\nenabled = false\n\n[[routes]]\nname = "all"\nqueue = "people"\n\n'
        '[[queues]]\nname = "people"\nmax_callers = 1000\nannounce_every_s = 10\n'
        'position_text = "You are number {position} in the queue."\n\n'
        '[[queues.members]]\nname = "anna"\ntarget = "sip:anna@192.0.2.1"\nsigned_in = false\n'
    )


def agent(_folder: Path) -> str:
    return "[cdr]\nenabled = false\n"


KINDS: Mapping[str, Callable[[Path], str]] = {"agent": agent, "menu": menu, "queue": queue}


def measured(name: str, calls: int, seconds: float) -> float:
    """The processor's share of the edge and its worker, in percent of a core for each call."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engine = stack.enter_context(
            children.Child("agent", engine_side.run, AgentSettings(max_sessions=4000), "")
        )
        outputs = KINDS[name](folder)
        url = engine.hear(STARTUP_S)
        edge = stack.enter_context(Edge(folder, workers=1, engine_url=url, outputs=outputs))
        edge.wait_listening()
        plan = Plan((HOST, edge.port), speech.loop().frames, 20, "m")
        phones = stack.enter_context(children.Child("callers", callers.run, plan))
        phones.hear(STARTUP_S)
        phones.ask(Add(calls), STARTUP_S)
        time.sleep(calls / 20 + SETTLE_S)
        meter = Meter(edge.processes(), callers=phones.pid, engine=engine.pid)
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
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    children.raise_file_limit()
    for _ in range(arguments.rounds):
        found = [
            f"{name} {measured(name, arguments.calls, arguments.seconds):.2f} %" for name in KINDS
        ]
        print("of a core, a call:", ", ".join(found))
