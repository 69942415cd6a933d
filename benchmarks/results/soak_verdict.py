"""Is a soak good: did each call work, and is everything back."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.bench.results.result import Check, Grade, Verdict
from sipua.bench.results.soak import FIGURES, Figure, Life, Rest, Slope, Soak, Watched

_GROWTH = {
    "none": "0 within noise",
    "negligible": "too little to count",
    "settled": "it has settled: too little to count in the second half",
    "grows": "it grows",
    "shrinks": "it shrinks",
    "unknown": "too few samples to tell",
}


def judge(soak: Soak) -> Verdict:
    well = f"{soak.completed} of {soak.calls_total} calls went well, and nothing is left of them."
    return _verdict(_calls(soak), soak, well)


def judge_life(life: Life) -> Verdict:
    killed = f", {life.excused} had their worker killed" if life.excused else ""
    well = f"{life.well} of {life.begun} calls went well{killed}, and nothing is left of them."
    return _verdict(_life_calls(life), life, well)


def _verdict(calls: Check, watched: Watched, well: str) -> Verdict:
    checks = (calls, *(_figure(watched, figure) for figure in figures(watched)))
    grades = [check.grade for check in checks]
    found: Grade = "bad" if "bad" in grades else "good" if "good" in grades[1:] else "unknown"
    sentence = (
        well
        if found == "good"
        else " ".join(
            f"{check.name[0].upper()}{check.name[1:]}: {check.words}."
            for check in checks
            if check.grade == "bad"
        )
    )
    return Verdict(found, "unknown", sentence or "Too few calls to tell.", checks)


def figures(watched: Watched) -> list[Figure]:
    """Those that something was found of."""
    found = {slope.figure for slope in watched.slopes} | {rest.figure for rest in watched.rests}
    return [figure for figure in FIGURES if figure in found]


def words(slope: Slope) -> str:
    """`+0.02 (-0.01 to +0.04) per 1,000 calls: 0 within noise`."""
    if slope.growth == "unknown":
        return _GROWTH["unknown"]
    return (
        f"{slope.per_1000:+.2f} ({slope.low:+.2f} to {slope.high:+.2f}) per 1,000 calls: "
        f"{_GROWTH[slope.growth]}"
    )


def _calls(soak: Soak) -> Check:
    told = [f"{count} × {fault}" for fault, count in soak.faults.items()]
    if not told and soak.completed == soak.calls_total:
        return Check("calls", "good", f"all {soak.calls_total} went well")
    return Check("calls", "bad", f"{soak.completed} of {soak.calls_total} went well; {_list(told)}")


def _life_calls(life: Life) -> Check:
    told = [f"{count} × {fault}" for fault, count in life.faults.items()]
    well = f"{life.well} of {life.begun} went well"
    if life.excused:
        well += f", {life.excused} were carried by a worker that was killed"
    return Check("calls", "bad" if told else "good", _list([well, *told]))


def _figure(soak: Watched, figure: Figure) -> Check:
    slopes = [slope for slope in soak.slopes if slope.figure == figure]
    left = list(_left(soak.rests, figure))
    told = _list([*left, *(f"{slope.process} {words(slope)}" for slope in slopes)])
    grade: Grade = "good"
    if left or any(slope.growth == "grows" for slope in slopes):
        grade = "bad"
    elif all(slope.growth == "unknown" for slope in slopes):
        grade = "unknown"
    return Check(FIGURES[figure], grade, told)


def _left(rests: tuple[Rest, ...], figure: Figure) -> Iterator[str]:
    for rest in rests:
        if rest.figure == figure and not rest.returned:
            yield f"{rest.process} has {rest.after:g} at rest and had {rest.before:g}"


def _list(words: list[str]) -> str:
    return "; ".join(words)
