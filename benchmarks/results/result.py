"""What a benchmark found, as data: the JSON of `--json`, documented in docs/bench.md.

Fields are only ever added within a version of the schema. Times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from sipua.bench.common.errors import BenchError
from sipua.bench.results.soak import Life, Soak, Watched

SCHEMA = "sipua-bench/1"
Grade = Literal["good", "fair", "bad", "unknown"]


class Spread(msgspec.Struct, frozen=True):
    """How something was distributed; all 0 when `count` is."""

    count: int = 0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Spread:
        array = np.asarray(values, np.float64)
        if not array.size:
            return cls()
        points = np.percentile(array, (50, 95, 99, 100))
        return cls(int(array.size), *(round(float(point), 4) for point in points))


class Machine(msgspec.Struct, frozen=True):
    cpu: str
    cores: int
    kernel: str
    python: str
    load_before: float
    load_after: float
    audio: str = ""
    """What the audio path's arithmetic is done by: numpy, or the compiled kernel."""


class Source(msgspec.Struct, frozen=True):
    """What was played into the edge."""

    file: str
    stream: int
    codec: str
    ptime_ms: float
    packets: int
    duration_s: float
    lost: int
    jitter_ms: float
    impairment: str = ""
    speed: float = 1.0
    """Times as fast as it was recorded. Other than 1, the line cannot be judged by it."""


class Setup(msgspec.Struct, frozen=True):
    """From a caller's first INVITE to the edge's answers, as the caller's kernel got them."""

    invite_to_180_ms: Spread = Spread()
    invite_to_200_ms: Spread = Spread()


class Uplink(msgspec.Struct, frozen=True):
    """From the phone to the engine; the first six are steps of packets that were not held."""

    socket_to_read_ms: Spread = Spread()
    read_to_parsed_ms: Spread = Spread()
    parsed_to_released_ms: Spread = Spread()
    released_to_decoded_ms: Spread = Spread()
    decoded_to_resampled_ms: Spread = Spread()
    resampled_to_sent_ms: Spread = Spread()
    socket_to_sent_ms: Spread = Spread()
    held_socket_to_sent_ms: Spread = Spread()
    mouth_to_engine_ms: Spread = Spread()


class Downlink(msgspec.Struct, frozen=True):
    """From the engine to the phone."""

    message_to_audio_ms: Spread = Spread()
    audio_to_encoded_ms: Spread = Spread()
    delta_to_packet_ms: Spread = Spread()
    engine_to_ear_ms: Spread = Spread()
    spacing_error_ms: Spread = Spread()
    drift_ppm: float | None = None
    packets: int = 0


class Reorder(msgspec.Struct, frozen=True):
    """What the reorder buffer did, over all calls."""

    expected: int = 0
    received: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    held: int = 0
    held_until_filled: int = 0
    held_until_given_up: int = 0
    max_depth: int = 0
    concealed_ms: int = 0
    silence_fed_ms: int = 0
    digits: str = ""
    """Keys that the first call was heard to press."""
    refused: Mapping[str, int] = {}


class Quality(msgspec.Struct, frozen=True):
    """The E-model's estimate for the caller's voice at the engine."""

    mos: float = 0.0
    mos_without_concealment: float = 0.0
    r: float = 0.0
    delay_ms: float = 0.0
    loss_percent: float = 0.0
    burst_ratio: float = 1.0


class Cost(msgspec.Struct, frozen=True):
    """Of the edge's processes together, while media ran."""

    cpu_percent: float = 0.0
    cpu_percent_per_call: float = 0.0
    cpu_us_per_frame: float = 0.0
    calls_per_core: int = 0
    """With everything that the edge does for them."""
    calls_per_worker: int = 0
    """How many fill a worker's core."""
    memory_mb: float = 0.0
    memory_mb_per_call: float = 0.0
    probes: bool = False


class Health(msgspec.Struct, frozen=True):
    """What should be 0, and how far the measuring side itself can be trusted."""

    failed_calls: int = 0
    dropped_audio: int = 0
    send_errors: int = 0
    pacer_stalls: int = 0
    generator_late_ms: float = 0.0
    unpaired: int = 0
    unattributed: int = 0


class Process(msgspec.Struct, frozen=True):
    """One process of a load: `edge`, `worker N`; `callers` and `engine` are the benchmark's."""

    name: str
    cores: int
    """How many it may run on; 1: pinned."""
    calls: int
    """Whose sockets it held at the end."""
    cpu_percent: float
    cpu_us_per_frame: float
    """Of each of its calls; 0 when it has none."""
    memory_mb: float


class Step(msgspec.Struct, frozen=True):
    """One load of `sipua bench load`."""

    calls: int
    seconds: float
    mouth_to_engine_ms: Spread
    engine_to_ear_ms: Spread
    spacing_error_ms: Spread
    cpu_percent: float
    cpu_percent_per_call: float
    memory_mb: float
    failed_calls: int
    lost: int
    holds: bool
    why: str = ""
    processes: tuple[Process, ...] = ()
    setup: Setup = Setup()
    """Of the calls that this step added."""


class Check(msgspec.Struct, frozen=True):
    name: str
    grade: Grade
    words: str


class Verdict(msgspec.Struct, frozen=True):
    """`edge` is about this software on this machine, `line` about what was fed to it."""

    edge: Grade
    line: Grade
    sentence: str
    checks: tuple[Check, ...] = ()


class Result(msgspec.Struct, frozen=True):
    kind: Literal["capture", "load", "soak", "life"]
    made_at: str
    command: str
    calls: int
    seconds: float
    engine: str
    machine: Machine
    verdict: Verdict
    schema: str = SCHEMA
    source: Source | None = None
    setup: Setup = Setup()
    uplink: Uplink = Uplink()
    downlink: Downlink = Downlink()
    reorder: Reorder = Reorder()
    quality: Quality | None = None
    cost: Cost = Cost()
    health: Health = Health()
    steps: tuple[Step, ...] = ()
    holds_calls: int | None = None
    """How many calls this machine holds; only from a load that was stepped up."""
    workers: int | None = None
    """Worker processes of the edge; null: the edge was not `sipua serve`."""
    pinned: str = ""
    """How processes were kept on cores of their own, or why not; empty: not asked for."""
    soak: Soak | None = None
    life: Life | None = None

    @property
    def watched(self) -> Watched | None:
        return self.soak or self.life

    @property
    def last_step(self) -> Step | None:
        """The step that the other figures are of."""
        return next((step for step in reversed(self.steps) if step.calls == self.calls), None)


def to_json(result: Result) -> bytes:
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def load(path: Path) -> Result:
    """Raises BenchError with one line about what is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}") from None
    try:
        head = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError):
        raise BenchError(f"{path}: this is not JSON") from None
    schema = head.get("schema") if isinstance(head, dict) else None
    if not isinstance(schema, str) or not schema.startswith("sipua-bench/"):
        raise BenchError(f"{path}: not a result of `sipua bench ... --json`")
    if schema != SCHEMA:
        raise BenchError(f"{path}: schema {schema}, this version reads {SCHEMA}")
    try:
        return msgspec.json.decode(content, type=Result)
    except msgspec.ValidationError as error:
        raise BenchError(f"{path}: {error}") from None
