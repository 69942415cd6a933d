"""`sipua bench` as its users call it: an own capture through real processes, sockets and agent."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sipua.bench.replay.network import Impairment
from sipua.bench.results import result
from sipua.bench.streams import streams
from sipua.rtp.pcap.writer import PcapWriter, read

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "benchmarks" / "captures"


def bench(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sipua", "bench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


class Page(HTMLParser):
    """What a report would load, and its shapes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.plots: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.loads += [named[name] or "" for name in ("src", "href") if name in named]
        if tag in ("link", "script", "iframe"):
            self.loads.append(tag)
        if tag == "svg":
            self.plots.append(named["aria-label"] or "")


def test_tls_to_the_engine(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    ran = bench("capture", CAPTURES / "pcmu-20ms-dtmf.pcap", "--tls", "--json", out)
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1), ran.stderr
    found = result.load(out)
    assert found.uplink.mouth_to_engine_ms.count == found.uplink.socket_to_sent_ms.count > 0
    assert found.machine.audio in ("numpy", "compiled")


@pytest.mark.sound
def test_a_clean_capture_with_digits(tmp_path: Path) -> None:
    out, page = tmp_path / "r.json", tmp_path / "r.html"
    ran = bench(
        "capture", CAPTURES / "pcmu-20ms-dtmf.pcap", "--calls", "2", "--json", out, "--html", page
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1), ran.stderr
    found = result.load(out)
    assert found.verdict.sentence in ran.stdout
    assert found.source is not None
    assert (found.source.codec, found.source.ptime_ms, found.source.lost) == ("PCMU", 20, 0)
    # Every packet was read, none was missing, and each frame of speech was followed to the engine.
    packets = 2 * found.source.packets
    assert found.reorder.received == found.reorder.expected == packets
    assert (found.reorder.lost, found.reorder.held, found.reorder.concealed_ms) == (0, 0, 0)
    (stream,) = streams.find(CAPTURES / "pcmu-20ms-dtmf.pcap")
    assert found.reorder.digits == stream.digits != ""
    speech = found.uplink.socket_to_sent_ms.count
    assert 0 < speech < packets
    assert found.uplink.mouth_to_engine_ms.count == speech
    assert 0 < found.uplink.socket_to_sent_ms.p50 < found.uplink.mouth_to_engine_ms.max
    assert found.downlink.engine_to_ear_ms.count >= 2  # the greetings
    assert found.downlink.packets > 100
    assert found.cost.cpu_percent > 0
    assert (found.health.dropped_audio, found.health.unattributed) == (0, 0)
    assert found.quality is not None
    assert found.quality.loss_percent == 0

    report = Page(page.read_text())
    assert len(report.plots) == 5
    assert all(load.startswith("data:image/png;base64,") for load in report.loads)


def beginning(of: Path, seconds: float, path: Path) -> Path:
    """Its signalling, and so much of its sound."""
    (stream,) = streams.find(of)
    until_s = stream.start_s + seconds
    with path.open("wb") as file:
        writer = PcapWriter(file, 1_000_000)
        for one in read(of):
            if one.at_s < until_s:
                writer.write(one.at_s, one.source, one.target, one.payload)
    return path


@pytest.mark.sound
def test_the_seeded_network_loses_what_it_must(tmp_path: Path) -> None:
    capture = beginning(CAPTURES / "pcmu-20ms-dtmf.pcap", 1.0, tmp_path / "a.pcap")
    settings, out = "loss=10%,dup=5%,seed=4", tmp_path / "a.json"
    ran = bench("capture", capture, "--json", out, "--impair", settings)
    assert ran.returncode == 0, ran.stderr
    found = result.load(out)
    (stream,) = streams.find(capture)
    times = [at for at, _ in stream.packets]
    arrivals = [index for _, index in Impairment.parse(settings).carry(times)]
    sent = range(min(arrivals), max(arrivals) + 1)
    assert found.reorder.received == len(arrivals)
    assert found.reorder.lost == len(sent) - len(set(arrivals)) > 0
    assert found.reorder.duplicates == len(arrivals) - len(set(arrivals)) > 0
    assert found.quality is not None
    assert found.quality.mos_without_concealment < found.quality.mos < 4.4
    compared = bench("compare", out, out, "--fail-above", "1")
    assert compared.returncode == 0
    assert "missing when their turn came (%)" in compared.stdout


@pytest.mark.slow  # a process for each
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["capture", "none.pcap"], "none.pcap"),
        (["capture", __file__], "pcap"),
        (["capture", CAPTURES / "pcmu-20ms.pcap", "--stream", "9"], "no stream 9; there is 1 to 1"),
        (["capture", CAPTURES / "pcmu-20ms.pcap", "--calls", "0"], "--calls 0: from 1"),
        (["capture", CAPTURES / "pcmu-20ms.pcap", "--impair", "rain=1"], "'rain=1' is not"),
        (["capture", CAPTURES / "pcmu-20ms.pcap", "--engine", "x"], "--engine x: local, or"),
        (["capture", CAPTURES / "pcmu-20ms.pcap", "--speed", "99"], "--speed 99: from 0.1"),
        (["capture", CAPTURES / "pcmu-20ms.pcap", "--json", "/no/x.json"], "there is no folder"),
        (
            ["capture", CAPTURES / "pcmu-20ms.pcap", "--engine", "ws://127.0.0.1:9/"],
            "cannot connect to",
        ),
        (
            ["capture", CAPTURES / "pcmu-20ms.pcap", "--engine", "ws://127.0.0.1:9/", "--tls"],
            "--tls is for the local engine",
        ),
        (["load", "--calls", "0"], "--calls 0: from 1"),
        (["load", "--seconds", "0"], "--seconds 0: from 1"),
        (["compare", "a.json", "b.json", "--fail-above", "0.5"], "--fail-above 0.5: 1 or more"),
    ],
)
def test_what_cannot_be_done_is_one_line(words: list[str | Path], told: str) -> None:
    ran = bench(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("sipua: ")
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1
