"""sip.py SECONDS [--seed S] [--from N] [--cases N] [--replay FILE] [--sanitized] [--go-on] ...

Fuzzes the signalling of a real edge; `make fuzz TARGET=sip`. Exit 1: something was found, and
build/fuzz/sip/N/finding/ has what (what.txt), the edge's log, and the last cases (cases.jsonl),
which `--replay` sends again. With --go-on another edge goes on behind a finding.
"""

import argparse
import itertools
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.fuzz import campaign, plan

CLONE = Path(__file__).parents[2]
PART_S = 60.0
"""So often all calls end, and what is kept is looked at."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, usage=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", default="")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=1 << 40)
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--sanitized", action="store_true", help="with the pjsua2 of .venv-asan")
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("--home", type=Path, default=Path("build/fuzz/sip"))
    options = parser.parse_args()
    seed = options.seed or campaign.fresh_seed()
    if options.replay:
        kept = list(campaign.saved(options.replay))  # it may lie in the folder that goes
        cases, seed = iter(kept), kept[0].seed
    else:
        cases = campaign.drawn(seed, options.first, options.cases)
    shutil.rmtree(options.home, ignore_errors=True)
    print(f"fuzzing SIP for {options.seconds:g} s, --seed {seed}", file=sys.stderr, flush=True)
    left_s, found = options.seconds, 0
    while left_s > 0 and (case := next(cases, None)):
        folder = options.home.absolute() / str(case.number)
        folder.mkdir(parents=True)
        todo = itertools.chain([case], cases)
        result = campaign_with(folder, seed, todo, left_s, sanitized=options.sanitized)
        left_s -= result.seconds
        print(campaign.summary(result), flush=True)
        for finding in result.findings:
            print(f"found: {finding[:3000]}", file=sys.stderr, flush=True)
        if result.findings:
            found += 1
            print(f"replay: --replay {folder}/finding/cases.jsonl", file=sys.stderr, flush=True)
            if not options.go_on:
                break
    return bool(found)


def campaign_with(
    folder: Path, seed: str, cases: Iterator[plan.Case], seconds: float, *, sanitized: bool
) -> campaign.Result:
    """Until something is found, the cases are at their end, or the time is."""
    run = campaign.Campaign(
        folder,
        seed,
        python=CLONE / ".venv-asan/bin/python" if sanitized else None,
        inside=[str(CLONE / "scripts/sanitized.sh")] if sanitized else (),
    )
    began = time.monotonic()
    try:
        while not run.result.findings and (left_s := began + seconds - time.monotonic()) > 0:
            before = run.result.cases
            run.part(cases, min(PART_S, left_s))
            if run.result.cases == before:
                break  # there are no more
    finally:
        run.result.seconds = time.monotonic() - began
        run.close()
    return run.result


if __name__ == "__main__":
    sys.exit(main())
