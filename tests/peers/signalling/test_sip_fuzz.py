"""S2, S21: the fuzzer's first cases, always the same ones; `make fuzz TARGET=sip` goes on."""

from pathlib import Path

import pytest

from support.fuzz import campaign

pytestmark = pytest.mark.peer

CASES = 150
LONGEST_S = 60.0
GROWN_MB = 60.0
"""Of the edge and two workers: what a first load leaves in their allocators."""


def test_S2_a_fuzzed_edge_stays_up_keeps_nothing_and_a_call_hears_everything(
    tmp_path: Path,
) -> None:
    run = campaign.Campaign(tmp_path, "suite")
    try:
        run.part(campaign.drawn("suite", count=CASES), LONGEST_S)
    finally:
        run.close()
    print(campaign.summary(run.result))
    assert run.result.findings == []
    before, after = run.result.memory_mb
    assert after - before < GROWN_MB
    assert run.result.calls > 10
