"""What must hold while an edge is fuzzed, and behind it: each thing that does not is named."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np

from support.calls.api import Api
from support.calls.edge import Edge
from support.calls.scrape import Scrape
from support.footprint import Footprint, footprint, workers
from support.media.rtp_stream import RtpStream, unwrap
from support.process import wait_until

_SANITIZER = re.compile(
    r"^.*(ERROR: AddressSanitizer|runtime error: |Assertion .* failed|Fatal Python error).*$",
    re.MULTILINE,
)
_FAULTS = ("sip.fault", "call.failed", "api.fault", "fault.unowned", "worker.gone", "edge.fault")
_CALLS_END_S = 90.0
"""A 200 without its ACK ends after 32 s, and a call without RTP as the configuration says."""


def broken(edge: Edge) -> list[str]:
    """At any moment: the process, its workers, its log."""
    found = []
    if (status := edge.process.exit_status) is not None:
        found.append(f"the edge has ended with {status}")
    log = edge.log
    found += [line[0][:300] for line in _SANITIZER.finditer(log)]
    if "Traceback (most recent call last)" in log:
        at = log.index("Traceback (most recent call last)")
        found.append(f"a traceback: {log[at : at + 3000]}")
    for name in _FAULTS:
        found += [f"{name}: {event}"[:3000] for event in edge.events(name=name)[:3]]
    return found


def errors(edge: Edge) -> Counter[str]:
    """Lines of the level error, by name; a call's end with fault `edge` is one of them."""
    return Counter(str(event["event"]) for event in edge.events() if event.get("level") == "error")


def at_rest(edge: Edge, before: Footprint) -> list[str]:
    """When no call is left, nothing that calls have held is."""
    api = Api(edge)
    try:
        wait_until(lambda: not api.get("/v1/calls")["calls"], _CALLS_END_S, "the end of all calls")
    except TimeoutError:
        return [f"calls are kept: {str(api.get('/v1/calls'))[:2000]}"]

    def given_back() -> bool:
        now = footprint(edge.process.pid)
        return (
            now.descriptors <= before.descriptors
            and now.udp_ports <= before.udp_ports
            and now.children == before.children
        )

    try:
        wait_until(given_back, _CALLS_END_S, "")
    except TimeoutError:
        now = footprint(edge.process.pid)
        return [f"kept: before {before}, now {now}"]
    return []


def heard(stream: RtpStream, rtp_ports: tuple[int, int]) -> list[str]:
    """Of the call beside: what it has missed, and what the edge sent it that is not its own. What
    comes from elsewhere on a busy machine, to a port that was another's, is not the edge's."""
    if not stream.packets:
        return ["the call beside has heard nothing"]
    ssrcs, counts = np.unique(stream.ssrc, return_counts=True)
    own = stream.ssrc == ssrcs[counts.argmax()]
    sequence = unwrap(stream.sequence[own] & 0xFFFF, 16)
    span = int(sequence.max() - sequence.min()) + 1
    found = []
    if lost := span - len(np.unique(sequence)):
        found.append(f"the call beside has lost {lost} of {span} packets")
    first, last = rtp_ports
    ours = [source for source in stream.sources if first <= source[1] <= last]
    if len(ours) != 1:
        found.append(f"the call beside has heard {ours} of the edge")
    return found


def memory_mb(edge: Edge) -> float:
    """Of the edge and its workers: what is theirs alone."""
    total = 0
    for pid in (edge.process.pid, *workers(edge.process.pid)):
        status = Path(f"/proc/{pid}/status").read_text()
        found = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
        total += int(found[1]) if found else 0
    return total / 1024


def loop_lag_ms(edge: Edge, share: float = 0.99) -> float:
    """Below which that share of the samples lies, by the histogram: an upper bound."""
    counts: Counter[float] = Counter()
    for sample in Scrape(edge).samples:
        if sample.name == "sipua_loop_lag_seconds_bucket":
            counts[float(sample.labels["le"])] += int(sample.value)
    most = max(counts.values(), default=0)
    bounds = sorted(bound for bound, count in counts.items() if count >= share * most)
    return bounds[0] * 1000 if bounds else 0.0
