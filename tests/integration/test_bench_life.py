"""`sipua bench life`: each kind of call through a real `sipua serve`, with faults and strangers."""

import subprocess
import sys
from pathlib import Path

import pytest

from sipua.bench.life.parts import KINDS, LONGEST_USUAL_S
from sipua.bench.results import result
from sipua.process.exits import Exit

pytestmark = pytest.mark.alone


@pytest.mark.slow
def test_H5_a_brief_life_has_each_kind_of_call(tmp_path: Path) -> None:
    out, page, log = tmp_path / "r.json", tmp_path / "r.html", tmp_path / "edge.log"
    command = [sys.executable, "-m", "sipua", "bench", "life", "--brief"]
    command += ["--minutes", "0.2", "--calls", "6", "--every", "1", "--reload", "5", "--fault", "4"]
    command += ["--json", str(out), "--html", str(page), "--log", str(log)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert out.exists(), ran.stderr
    life = result.load(out).life
    assert life
    # What a life finds of the edge, or of a machine that stood still, is judged by who runs one.
    # Here the tool is judged: each thing is done, and what came of it is told.
    assert ran.returncode in (Exit.OK, Exit.UNFIT), ran.stderr
    print(life.faults, life.logged)
    begun = {name for name, (begun, _, _) in life.kinds.items() if begun}
    usual = {name for name, kind in KINDS.items() if kind.lasts_s[0] < LONGEST_USUAL_S}
    # One that the edge places may find no engine: one fails every four seconds.
    assert {name for name in usual - begun if not name.startswith("placed")} == set()
    assert life.well > life.begun / 2
    done = " ".join(life.happened)
    for part in ("engine's fault", "reloads"):
        assert part in done
    told = {figure for one in life.samples for figure in one.more}
    assert told >= {"transactions", "dialogs", "legs", "waiting", "spool_mb"}
    assert max(next(one.column("dialogs") for one in life.samples if one.process == "edge")) > 1
    assert "<svg" in page.read_text()
    assert '"edge.listening"' in log.read_text()
