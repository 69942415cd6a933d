"""Who may import whom: the directions of docs/architecture.md, read off the source.

To extend a list, add the file and the reason; a file without a good reason belongs elsewhere.
"""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# Layer (a top-level folder) -> the layers of ours that it may import.
LAYERS: dict[str, set[str]] = {
    "codecs": set(),
    "rtp": set(),
    "bridge": {"rtp", "codecs"},
    "sipua": {"rtp", "codecs", "bridge"},
    "benchmarks": {"rtp", "codecs", "bridge", "sipua"},
}
# Inside a layer, a folder imports from those above it in this list and from none below: so no two
# folders need each other.
FOLDERS = [
    "codecs",
    "rtp",
    "rtp/latch",
    "rtp/receive",
    "rtp/rtcp",
    "rtp/srtp",
    "rtp/dtls",
    "rtp/session",
    "rtp/pcap",
    "bridge/engine_api",
    "bridge",
    "bridge/answering",
    "bridge/uplink",
    "bridge/playout",
    "bridge/turns",
    "bridge/engines/openai",
    "bridge/engines/openai_realtime",
    "bridge/engines/openai_live",
    "bridge/engines/gemini_live",
    "bridge/engines/deepgram_agent",
    "bridge/engines/streams",
    "bridge/engines/elevenlabs_agent",
    "bridge/engines/twilio_stream",
    "bridge/engines/asterisk_websocket",
    "bridge/engines",
    "bridge/engine_link",
    "bridge/conversation",
    "bridge/joint",
    "bridge/call",
    "bridge/agent/scenario",
    "bridge/agent/speech",
    "bridge/agent/wire",
    "bridge/agent/realtime",
    "bridge/agent/dialects",
    "bridge/agent/live",
    "bridge/agent/turns",
    "bridge/agent/turns/gemini",
    "bridge/agent/turns/deepgram",
    "bridge/agent/turns/elevenlabs",
    "bridge/agent/streams",
    "bridge/agent/twilio",
    "bridge/agent/asterisk",
    "bridge/agent/server",
    "bridge/agent",
    "sipua/log",
    "sipua/process/web",
    "sipua/process",
    "sipua/doctor",
    "sipua/sip/wire",
    "sipua/sip/nat",
    "sipua/sip/wire/srtp",
    "sipua/sip",
    "sipua/sip/dns",
    "sipua/sip/trunks",
    "sipua/sip/parties",
    "sipua/sip/admission",
    "sipua/sip/pj/native",
    "sipua/sip/pj/dialogs",
    "sipua/sip/pj",
    "sipua/stir",
    "sipua/tools/wire",
    "sipua/config/values",
    "sipua/config/sections",
    "sipua/config/checks",
    "sipua/config/toml",
    "sipua/config/scenario",
    "sipua/config/load",
    "sipua/config/change",
    "sipua/config/report",
    "sipua/config",
    "sipua/events",
    "sipua/record",
    "sipua/recording/files",
    "sipua/recording/s3",
    "sipua/recording",
    "sipua/outputs",
    "sipua/outputs/audit",
    "sipua/outputs/cdr",
    "sipua/outputs/cdr/reader",
    "sipua/outputs/hooks",
    "sipua/outputs/traces",
    "sipua/capture",
    "sipua/outputs/hep",
    "sipua/queue",
    "sipua/calls/parts",
    "sipua/calls/legs/briefing",
    "sipua/calls/legs",
    "sipua/calls/steer",
    "sipua/calls/menus",
    "sipua/calls/menus/queue",
    "sipua/calls/answering",
    "sipua/calls",
    "sipua/calls/supervise",
    "sipua/campaigns/rules",
    "sipua/campaigns/store",
    "sipua/campaigns",
    "sipua/tools",
    "sipua/twilio/twiml",
    "sipua/twilio",
    "sipua/twilio/recordings",
    "sipua/twilio/rest",
    "sipua/edge/wiring",
    "sipua/worker/link",
    "sipua/worker/engines",
    "sipua/worker/call",
    "sipua/worker",
    "sipua/control/view",
    "sipua/control/http",
    "sipua/control/link",
    "sipua/control/resources",
    "sipua/control/calls",
    "sipua/control/outbound",
    "sipua/control/twilio",
    "sipua/control",
    "sipua/outputs/metrics",
    "sipua/edge/workers",
    "sipua/edge/placing",
    "sipua/edge/calls/queues",
    "sipua/edge/calls",
    "sipua/edge/reload",
    "sipua/edge",
    "sipua/cli/testphone",
    "sipua/cli/config",
    "sipua/cli/doctor",
    "sipua/cli/records",
    "sipua/cli/top",
    "sipua/cli",
    "sipua",
    "benchmarks/common",
    "benchmarks/results",
    "benchmarks/streams",
    "benchmarks/replay",
    "benchmarks/joint",
    "benchmarks/load",
    "benchmarks/soak",
    "benchmarks/life",
    "benchmarks/answering",
    "benchmarks/report",
    "benchmarks",
    "benchmarks/experiments/campaign",
    "benchmarks/experiments",
]
MOST_IN_A_FOLDER = 14
# A folder with more -> how many, and why.
CROWDED = {
    "sipua/cli": (16, "a file for each command that asks a running edge"),
    "sipua/config/checks": (25, "a file for each section whose keys depend on each other"),
    "sipua/config/sections": (37, "a file for each section of the configuration"),
    "sipua/edge/wiring": (18, "a file for each thing that settings are turned into"),
    "sipua/events": (20, "a file for each kind of events"),
    "sipua/calls": (15, "the call, and a folder for each thing that can happen in it"),
    "sipua/tools": (15, "a file for each built-in tool, or two that belong together"),
    "sipua": (21, "the rooms of the product: a level more would only hide some of them"),
}
LONGEST_FILE = 400

# Where a folder is imported under another name than its own.
INSTALLED_AS = {"bench": "benchmarks"}
# The one door into the benchmark, opened when its command is called.
BENCH_DOOR = "sipua/cli/main.py"


@dataclass
class Rule:
    """Modules that only the named files of some layers may import."""

    modules: set[str]
    layers: set[str]
    allowed: dict[str, str] = field(default_factory=dict)  # file -> why


RULES = [
    Rule(
        {"pjsua2"},
        set(LAYERS),
        {
            "sipua/sip/pj/endpoint.py": "the pj thread: commands in, events out, who is alive",
            "sipua/sip/pj/library.py": "the pj thread: the library's start, transports, log",
            "sipua/sip/pj/native/tls.py": "the pj thread: transports for TLS",
            "sipua/sip/pj/native/tls_peers.py": "the pj thread: connections by TLS",
            "sipua/sip/pj/native/openssl.py": "the OpenSSL that pjsua2 is built with",
            "sipua/sip/pj/call.py": "the pj thread: one call's callbacks",
            "sipua/sip/pj/placed_call.py": "the pj thread: those of a call that we place",
            "sipua/sip/pj/dialogs/negotiated.py": "the pj thread: what offer and answer agreed on",
            "sipua/sip/pj/dialogs/ended_by.py": "the pj thread: which side has ended a call",
            "sipua/sip/pj/params.py": "the pj thread: arguments for pjsua2",
            "sipua/sip/pj/account.py": "the pj thread: one account's callbacks",
            "sipua/sip/pj/accounts.py": "the pj thread: all accounts, also those that leave",
            "sipua/sip/pj/native/resolver.py": "the pj thread: pjsip's questions for host names",
            "sipua/sip/pj/native/supported.py": "the pj thread: what our INVITEs offer",
            "sipua/sip/pj/native/in_dialog.py": "the pj thread: requests in a call, answered",
            "sipua/sip/pj/native/held.py": "the pj thread: what pjsip keeps, counted",
            "sipua/sip/pj/native/waker.py": "the pj thread: a descriptor in pjsip's own poll",
            "sipua/doctor/pjprobe.py": "a program of its own, that asks a build for its limits",
        },
    ),
    Rule(
        {"numpy", "soxr"},
        {"rtp", "sipua"},
        {
            "sipua/cli/testphone/dial.py": "`sipua call` says and hears something itself",
            "sipua/cli/testphone/sound.py": "its sound files",
            "sipua/recording/track.py": "one side of a recording",
            "sipua/recording/channels.py": "what is put there, and where",
            "sipua/recording/recording_file.py": "silence in place of what could not be written",
            "sipua/recording/wav_file.py": "one side or both in one file",
        },
    ),
    Rule(
        {"websockets"},
        set(LAYERS),
        {
            "bridge/engine_link/websocket.py": "the seam behind which another library could stand",
            "bridge/engine_link/client_frame.py": "masks a frame with the library's C code",
            "bridge/engine_link/library_errors.py": "says what the library's exceptions mean",
            "bridge/agent/server/server.py": "the other side of the same wire",
            "benchmarks/experiments/websocket_cost.py": "the other end of what it measures",
            "bridge/agent/server/session_task.py": "one of its connections",
            "bridge/agent/server/doors.py": "who may open one",
            "bridge/agent/server/refusals.py": "the answers of that side that are no websocket",
            "bridge/agent/server/losses.py": "ends that side's connections as no library would",
        },
    ),
    Rule(
        {"asyncio", "uvloop"},
        {"codecs", "rtp", "bridge"},
        {
            "rtp/session/transport.py": "the one adapter between sockets and the sans-IO session",
            "bridge/engine_link/websocket.py": "reads and writes the engine's connection",
            "bridge/engine_link/readiness.py": "waits for an answer to our configuration",
            "bridge/engine_link/session.py": "connects with a deadline, and can be cancelled then",
            "bridge/engine_link/spares.py": "opens connections before there is a session",
            "bridge/engine_link/farewell.py": "waits for the last word, so long and no longer",
            "bridge/conversation/dialogue.py": "the task that looks for a session",
            "bridge/conversation/alarm.py": "its one timer",
            "bridge/conversation/engine_search.py": "waits between two attempts to connect",
            "bridge/conversation/rotation.py": "connects the next session in the background",
            "bridge/conversation/sessions.py": "says goodbye to sessions in the background",
            "bridge/engine_link/silence_feeder.py": "feeds silence on time, beside its session",
            "bridge/fault_owner.py": "makes the tasks and timers whose exceptions it is told of",
            "bridge/playout/pacer.py": "wakes at absolute deadlines",
            "bridge/playout/timerfd.py": "the kernel's timer behind the loop, for the pacer",
            "bridge/agent/server/server.py": "accepts connections",
            "bridge/agent/server/session_task.py": "serves one, and keeps its deadlines",
            "bridge/agent/process.py": "keeps the agent alive as a child process",
            "bridge/agent/speech/recogniser_client.py": "keeps the recogniser, a child process",
            "bridge/agent/child_log.py": "reads the agent's log from its pipe",
            "bridge/agent/server/losses.py": "waits for the end of a connection that it has frozen",
        },
    ),
    Rule(
        {"socket", "select", "selectors", "ssl"},
        {"codecs", "rtp", "bridge"},
        {
            "rtp/session/transport.py": "the RTP sockets",
            "rtp/ports.py": "binds a pair of ports before any loop knows of the call",
            "bridge/engine_link/websocket.py": "options of the engine's connection",
            "bridge/engine_link/upgrade.py": "the certificates that are trusted there",
            "bridge/engine_link/library_errors.py": "says what the network's exceptions mean",
            "bridge/agent/server/losses.py": "an option of a socket makes its end a reset",
        },
    ),
    Rule(
        {"time", "datetime", "threading"},
        {"codecs", "rtp", "bridge"},
        {
            "rtp/session/transport.py": "stamps `now` on what arrives; inside, time is an argument",
            "rtp/dtls/certificate.py": "the days of a certificate, of a day that is an argument",
            "rtp/ports.py": "a lock: the signalling thread reserves, the loop releases",
            "bridge/call/call_bridge.py": "stamps `now` for the parts that it wires",
            "bridge/fault_owner.py": "names the thread that an exception without an owner ended",
            "bridge/call/media.py": "the wall clock, for RTCP, and the start of the RTP session",
            "bridge/playout/sender.py": "stamps `now` when audio comes and leaves",
            "bridge/playout/pacer.py": "is the clock of the way down",
            "bridge/playout/timerfd.py": "reckons deadlines on the kernel's clock",
            "bridge/agent/server/server.py": "is the clock of the agent's sessions",
        },
    ),
]


def imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything that a module of `package` imports."""
    for node in _import_statements(source):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        else:
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            origin = ".".join([*base, node.module] if node.module else base)
            for alias in node.names:
                yield node.lineno, f"{origin}.{alias.name}"


@functools.cache
def _import_statements(source: str) -> list[ast.Import | ast.ImportFrom]:
    tree = ast.walk(ast.parse(source))
    return [node for node in tree if isinstance(node, ast.Import | ast.ImportFrom)]


def path_of(module: str) -> str | None:
    """The file or folder of ours that a dotted name belongs to: `sipua.rtp.packet.Packet` is
    rtp/packet.py's. None: not ours.
    """
    first, *rest = module.split(".")
    if first != "sipua":
        return None
    if rest and INSTALLED_AS.get(rest[0], rest[0]) in LAYERS:
        parts = [INSTALLED_AS.get(rest[0], rest[0]), *rest[1:]]
    else:
        parts = ["sipua", *rest]
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        if path in FOLDERS:
            return path
        if (ROOT / f"{path}.py").is_file():
            return f"{path}.py"
    return None


def folder_of(path: str) -> str:
    return path.rpartition("/")[0] if path.endswith(".py") else path


def violations(path: str, source: str) -> list[str]:
    """What a file imports against the rules; `path` is relative to the root."""
    layer, *folders = path.split("/")[:-1]
    name = {folder: name for name, folder in INSTALLED_AS.items()}.get(layer, layer)
    package = ".".join([*(["sipua"] if layer != "sipua" else []), name, *folders])
    own = folder_of(path)
    found = []
    for line, module in imports(source, package):
        where = f"{path}:{line}: imports {module}"
        target = path_of(module)
        their_layer = target.partition("/")[0] if target else None
        if their_layer == "benchmarks" and path == BENCH_DOOR:
            continue
        if target is None or their_layer is None:
            pass
        elif their_layer != layer:
            if their_layer not in LAYERS[layer]:
                found.append(f"{where}: {layer} may not import {their_layer}")
        elif FOLDERS.index(folder_of(target)) > FOLDERS.index(own):
            found.append(f"{where}: {folder_of(target)} stands below {own} in FOLDERS")
        found += [
            f"{where}: only {', '.join(rule.allowed)} may"
            for rule in RULES
            if module.split(".")[0] in rule.modules
            and layer in rule.layers
            and path not in rule.allowed
        ]
    return found


FILES = {
    str(path.relative_to(ROOT)): path.read_text()
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
}


def test_directions() -> None:
    assert [fault for path, source in FILES.items() for fault in violations(path, source)] == []


def test_every_folder_has_its_place() -> None:
    assert set(FOLDERS) == {folder_of(path) for path in FILES}


def test_no_circle_of_files() -> None:
    needs = {path: _needs(path, source) for path, source in FILES.items()}
    while free := {path for path, others in needs.items() if not others & needs.keys()}:
        needs = {path: others for path, others in needs.items() if path not in free}
    assert sorted(needs) == [], "these need each other, or one that does"


def _needs(path: str, source: str) -> set[str]:
    targets = {path_of(module) for _, module in imports(source, "")}
    if path == BENCH_DOOR:
        targets = {target for target in targets if target and not target.startswith("benchmarks/")}
    return {
        target if target.endswith(".py") else f"{target}/__init__.py"
        for target in targets
        if target is not None
    }


def test_a_folder_can_be_read_at_a_glance() -> None:
    entries: dict[str, set[str]] = {}
    for path in FILES:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if parts[depth] != "__init__.py":  # Python demands it; a docstring is all that it has
                entries.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
    crowded = {
        folder: len(names)
        for folder, names in entries.items()
        if len(names) > CROWDED.get(folder, (MOST_IN_A_FOLDER, ""))[0]
    }
    assert crowded == {}


def test_a_file_can_be_read_in_one_sitting() -> None:
    long = {path: source.count("\n") for path, source in FILES.items()}
    assert {path: lines for path, lines in long.items() if lines > LONGEST_FILE} == {}


def test_no_permission_is_left_over() -> None:
    for rule in RULES:
        for path in rule.allowed:
            used = {module.split(".")[0] for _, module in imports((ROOT / path).read_text(), "")}
            assert used & rule.modules, f"{path} imports none of {rule.modules}: take it off"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("codecs/g711.py", "import asyncio"),
        ("codecs/g711.py", "def f():\n    import time"),
        ("codecs/g711.py", "from sipua.rtp import packet"),
        ("codecs/g711.py", "from sipua import rtp"),
        ("codecs/g711.py", "from ..rtp.packet import Packet"),
        ("rtp/session/session.py", "import socket"),
        ("rtp/session/session.py", "from asyncio import Queue"),
        ("rtp/session/session.py", "import sipua.codecs.g711"),
        ("bridge/call/call_bridge.py", "from sipua.config import Config"),
        ("bridge/call/call_bridge.py", "import websockets.asyncio.client"),
        ("bridge/engine_api/protocol.py", "from ...sip import state"),
        ("bridge/uplink/timeline.py", "import asyncio"),
        ("bridge/call/call_bridge.py", "from sipua.bench import probe"),
        ("sipua/edge/app.py", "from sipua.bench import probe"),
        ("sipua/edge/app.py", "import pjsua2 as pj"),
        ("bridge/uplink/timeline.py", "from sipua.bridge.playout.queue import PlayoutQueue"),
        ("sipua/log/logs.py", "from sipua.config import Config"),
        ("sipua/edge/calls/edge_calls.py", "import numpy as np"),
        ("sipua/sip/pj/agent.py", "from pjsua2 import Endpoint"),
    ],
)
def test_a_violation_is_caught(path: str, source: str) -> None:
    assert violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("codecs/g711.py", "import numpy\nfrom . import frame\nfrom .frame import Frame"),
        ("rtp/session/session.py", "from ..packet import Packet\nfrom sipua.rtp import rtcp"),
        ("rtp/session/transport.py", "import asyncio, socket"),
        (
            "bridge/uplink/timeline.py",
            "from ..codecs import g711\nfrom sipua.rtp.receive.jitter import Buffer",
        ),
        ("bridge/engine_api/protocol.py", "from . import events\nfrom ...codecs import resample"),
        ("sipua/edge/app.py", "import asyncio\nfrom ..bridge.call import Call"),
        ("sipua/sip/pj/endpoint.py", "import pjsua2 as pj"),
        ("sipua/cli/main.py", "def f():\n    from sipua.bench import command"),
        ("benchmarks/load/load.py", "from sipua import wiring\nfrom . import stages"),
    ],
)
def test_the_allowed_is_allowed(path: str, source: str) -> None:
    assert violations(path, source) == []
