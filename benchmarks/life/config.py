"""The edge's configuration in a life: a route for each kind of call, everything on that keeps
something, and two variants that a reload changes between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sipua.bench.life.parts import KINDS
from sipua.bench.load.edge import HOST, RTP_PORTS

MEMBERS = 4
TOKEN = "of-a-benchmark-and-of-nothing-else"  # noqa: S105 - of this machine, for one run
HOOK_SECRET = "whsec_c2lwdWEgYmVuY2ggbGlmZSwgb25lIHJ1biBvbmx5"  # noqa: S105 - the same
_TARGETS = ("colleague", "busy", "brief", "accepts", "declines")
_CLOSED_PORT = 9


def write_secrets(folder: Path) -> None:
    """Files that the configuration names."""
    for name, secret in (("token", TOKEN), ("secret", HOOK_SECRET)):
        file = folder / name
        file.touch(0o600)
        file.write_text(secret)


@dataclass(frozen=True, slots=True)
class Ports:
    sip: int
    tls: int
    api: int
    people: int
    receiver: int
    shaky: int
    """The engine that fails."""


def text(folder: Path, ports: Ports, *, workers: int, sessions: int, variant: bool) -> str:
    return "\n".join(_parts(folder, ports, workers, sessions, variant))


def _parts(folder: Path, ports: Ports, workers: int, sessions: int, variant: bool) -> Iterator[str]:
    people = f"{HOST}:{ports.people}"
    yield f"""
[sip]
host = "{HOST}"
port = {ports.sip}
transports = ["udp", "tcp", "tls"]

[sip.tls]
port = {ports.tls}
certificate = "{folder / "life.pem"}"
key = "{folder / "life.pem"}"

[rtp]
port_min = {RTP_PORTS.start}
port_max = {RTP_PORTS.stop - 2}
timeout_s = {25 if variant else 20}

[edge]
workers = {workers}

[[trunks]]
name = "people"
hosts = ["{HOST}"]
proxy = "sip:{people}"
refer = "allow"
refer_targets = ["*", "*@{HOST}"]
options_s = 5

[engine]
type = "local"

[engine.turn_detection]
interrupt_response = {"true" if variant else "false"}

[engines.shaky]
type = "local"
url = "ws://{HOST}:{ports.shaky}/v1/realtime"

[agent]
max_sessions = {sessions}

[barge_in]
echo = "off"
"""
    if variant:  # a trunk that comes and goes, and a registrar that never answers
        yield f"""
[[trunks]]
name = "spare"
hosts = ["192.0.2.7"]
proxy = "sip:{people}"

[[accounts]]
name = "away"
registrar = "sip:{HOST}:{_CLOSED_PORT}"
user = "away"
password = ""
"""
    for name, kind in KINDS.items():
        if not kind.placed:
            yield _route(name, recorded=kind.recorded, variant=variant)
    yield """
[[routes]]
name = "agent"

[[menus]]
name = "main"
prompt = "menu.wav"
no_input_s = 20
keys = { 1 = { agent = "agent" }, 9 = { hang_up = true } }
"""
    yield f"""
[[queues]]
name = "people"
strategy = "round_robin"
max_callers = {40 if variant else 30}
retry_s = 2
max_wait_s = 12
position_text = "You are number {{position}} in the queue."
announce_every_s = 5
on_timeout = {{ hang_up = true }}
on_full = {{ hang_up = true }}
"""
    for number in range(MEMBERS):
        yield f"""
[[queues.members]]
name = "member-{number}"
target = "sip:member@{people};line={number}"
"""
    targets = ", ".join(f'{name} = "sip:{name}@{people}"' for name in _TARGETS)
    yield f"""
[tools]
builtin = ["hang_up", "transfer"]

[tools.transfer]
account = "people"
settle_s = 2
targets = {{ {targets} }}

[tools.transfer.warm]
accept_timeout_s = {25 if variant else 20}
voicemail = "ignore"

[supervise]
account = "people"

[queue_members]
file = "{folder / "members.json"}"

[outbound]
directory = "{folder / "outbound"}"

[record]
enabled = true
directory = "{folder / "records"}"
max_total_mb = 100

[recording]
directory = "{folder / "recordings"}"
format = "wav-g711"
keep_mb = 300

[cdr]
directory = "{folder / "cdr"}"
max_total_mb = 100

[metrics]
enabled = true
port = 0

[api]
enabled = true
port = {ports.api}
requests_per_second = 1000

[[api.tokens]]
name = "operator"
token_file = "{folder / "token"}"
right = "admin"
place = {{ prefixes = ["sip:@{HOST}"], max_calls = 1000, per_minute = 60000 }}

[[webhooks]]
name = "receiver"
url = "http://{HOST}:{ports.receiver}/hook"
secret_file = "{folder / "secret"}"
allow = ["{HOST}"]
timeout_s = 2
batch = {"true" if variant else "false"}

[webhook_spool]
directory = "{folder / "hooks"}"
retry_s = [0, 1, 2, 4, 8, 8, 8, 8, 8, 8, 8, 8]

[log]
level = "info"
format = "json"
state_s = 1
"""


def _route(name: str, *, recorded: bool, variant: bool) -> str:
    lines = ["[[routes]]", f'name = "{name}"', f'called = ["{name}"]']
    words = "Be brief." if variant else "Be kind."
    lines.append(f"instructions = {json.dumps(words)}")
    if recorded:
        lines.append('recording = "always"')
    if name.startswith("menu"):
        lines.append('menu = "main"')
    if name.startswith("queue"):
        lines.append('queue = "people"')
    if name == "shaky":
        lines += ['engine = "shaky"', 'fallback = [{ engine = "engine" }]']
    return "\n".join([*lines, ""])
