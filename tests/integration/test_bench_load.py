"""`sipua bench load`: callers of our own, a real `sipua serve`, the agent; few calls, briefly."""

import subprocess
import sys
from pathlib import Path

import pytest

from sipua.bench.results import result

pytestmark = pytest.mark.few


@pytest.mark.slow
@pytest.mark.parametrize("engine_type", ["local", "asterisk_websocket"])
def test_each_frame_of_each_call_is_followed_to_the_engine(
    tmp_path: Path, engine_type: str
) -> None:
    out, page = tmp_path / "r.json", tmp_path / "r.html"
    command = [sys.executable, "-m", "sipua", "bench", "load", "--calls", "3", "--seconds", "2"]
    command += ["--engine-type", engine_type]
    ran = subprocess.run(
        [*command, "--json", str(out), "--html", str(page)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = result.load(out)
    (step,) = found.steps
    assert (step.calls, step.failed_calls, step.lost) == (3, 0, 0)
    assert 250 <= step.mouth_to_engine_ms.count <= 350  # 3 calls, 50 frames a second
    assert step.spacing_error_ms.count > 0
    assert found.cost.cpu_percent > 0
    assert found.cost.memory_mb > 10
    assert "<svg" not in page.read_text()  # one step is a table, not a line
    assert found.verdict.sentence.split(". ")[0] in page.read_text()
