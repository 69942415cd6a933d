"""What the tests of real peers have in common; a failed one tells the versions of the peers."""

import json
import textwrap
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge
from support.calls.patient_calls import PatientCalls
from support.calls.rehearsed_call import CALLER, GREETED, LAST_WORDS, Heard, Play
from support.engine.scenarios import scenario
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers import peer_versions
from support.peers.sipp import Sipp


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        versions = peer_versions.comparison(peer_versions.found(), peer_versions.proved())
        report.sections.append(("Versions of the peers", versions))
    return report


@pytest.fixture(scope="module")
def patient_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PatientCalls]:
    calls = PatientCalls(tmp_path_factory.mktemp("patient"))
    yield calls
    calls.close()


@pytest.fixture
def play(
    tmp_path: Path,
    edge_factory: Callable[..., Edge],
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
) -> Play:
    def run(
        text: str,
        *,
        call_ms: float,
        config: dict[str, dict[str, Any]] | None = None,
        caller: audio.Pcm = CALLER,
        scenario_name: str = "uac_call",
        greeted: bool = True,
        last_words: bool = False,
    ) -> Heard:
        words = GREETED * greeted + textwrap.dedent(text) + LAST_WORDS * last_words
        journal = tmp_path / "journal.jsonl"
        more = config or {}
        edge = edge_factory(
            {
                **more,
                "engine": {
                    "turn_detection": {"silence_duration_ms": 300},
                    **more.get("engine", {}),
                },
                "agent": {
                    "scenario": scenario(tmp_path, words),
                    "journal": journal,
                    **more.get("agent", {}),
                },
            }
        )
        end = far_end(1, caller)
        result = sipp.start(scenario_name, edge.address, media=end, pause_ms=round(call_ms))
        assert result.wait(check=False).ok
        (stream,) = end.finish()
        edge.wait_event("call.ended")
        assert edge.stop() == 0  # the journal is whole then
        lines = journal.read_text().splitlines()
        return Heard(edge, stream, stream.pcm(), [json.loads(line) for line in lines])

    return run
