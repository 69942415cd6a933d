"""The report: one file that needs nothing else, for a screen of any width, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources

from sipua.bench.report import life, plots, soak, spectrogram
from sipua.bench.report.pictures import Pictures
from sipua.bench.report.text import DOWNLINK_STAGES, UPLINK_STAGES, stages
from sipua.bench.results.result import Grade, Result
from sipua.bench.results.verdict import ms

_WORDS: dict[Grade, str] = {"good": "good", "fair": "fair", "bad": "bad", "unknown": "not judged"}
_TOTALS = {"socket_to_sent_ms", "mouth_to_engine_ms", "delta_to_packet_ms", "engine_to_ear_ms"}


def render(result: Result, pictures: Pictures | None) -> str:
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    body = "".join(_body(result, pictures))
    calls = result.soak.calls_total if result.soak else result.calls
    calls = result.life.begun if result.life else calls
    title = result.source.file if result.source else f"{calls} calls"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>sipua bench: {escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _body(result: Result, pictures: Pictures | None) -> Iterator[str]:
    yield from _head(result)
    yield from _checks(result)
    if result.watched is not None:
        if result.life is not None:
            yield from life.render(result.life)
        yield from soak.render(result.watched)
        yield from _foot(result)
        return
    yield from _facts(result)
    if result.steps:
        yield from _load(result)
    if pictures is not None:
        yield from _call(result, pictures)
    yield from _figures(result)
    yield from _foot(result)


def _head(result: Result) -> Iterator[str]:
    verdict = result.verdict
    what = {"capture": "replay of a capture", "load": "load", "soak": "soak", "life": "life"}[
        result.kind
    ]
    yield f'<header class="{verdict.edge}"><p class="kicker">sipua bench · {what}</p>'
    headline, _, rest = verdict.sentence.partition(". ")
    yield f"<h1>{escape(headline.rstrip('.'))}.</h1>"
    if rest:
        yield f"<p>{escape(rest)}</p>"
    yield "</header>"


def _checks(result: Result) -> Iterator[str]:
    yield '<table class="checks"><tbody>'
    for check in result.verdict.checks:
        yield (
            f'<tr><th scope="row">{escape(check.name)}</th>'
            f'<td><span class="badge {check.grade}">{_WORDS[check.grade]}</span></td>'
            f"<td>{escape(check.words)}</td></tr>"
        )
    yield "</tbody></table>"


def _facts(result: Result) -> Iterator[str]:
    reorder, cost, quality, source = result.reorder, result.cost, result.quality, result.source
    facts = []
    if source is not None:
        impaired = f" with {source.impairment}" if source.impairment else ""
        facts.append(
            (
                "played",
                (
                    f"stream {source.stream}: {source.codec}, {source.ptime_ms:g} ms, "
                    f"{source.duration_s:.1f} s{impaired}, into {result.calls} "
                    f"call{'s' * (result.calls > 1)}"
                ),
            )
        )
        facts.append(
            (
                "packets",
                (
                    f"{reorder.received:,} of {reorder.expected:,}; {reorder.lost} lost, "
                    f"{reorder.late} late, {reorder.duplicates} duplicate, "
                    f"{reorder.reordered} out of order"
                ),
            )
        )
        facts.append(
            (
                "held back",
                (
                    f"{reorder.held:,}: {reorder.held_until_filled} until the gap was filled, "
                    f"{reorder.held_until_given_up} until it was given up"
                ),
            )
        )
        facts.append(("concealed", f"{reorder.concealed_ms} ms"))
    if quality is not None:
        facts.append(
            (
                "estimated MOS",
                (
                    f"{quality.mos:.2f} (R {quality.r:.0f}); without concealment "
                    f"{quality.mos_without_concealment:.2f}"
                ),
            )
        )
    facts.append(
        (
            "processor",
            (
                f"{cost.cpu_percent_per_call:.2f} % of a core per call, "
                f"{cost.cpu_us_per_frame:.0f} µs per frame"
                + (", probes included" if cost.probes else "")
            ),
        )
    )
    facts.append(("memory", f"{cost.memory_mb:.0f} MB"))
    yield '<dl class="facts">'
    for name, words in facts:
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(words)}</dd></div>"
    yield "</dl>"


def _load(result: Result) -> Iterator[str]:
    if len(result.steps) > 1:
        yield "<section><h2>Delay over the number of calls</h2>"
        yield plots.steps(result.steps)
        yield (
            '<p class="legend"><i class="ok"></i>mouth to engine, 99 % '
            '<i class="held"></i>spacing error of our RTP, 99 %</p></section>'
        )
    yield '<section><h2>Steps</h2><div class="wide"><table class="figures"><thead><tr>'
    columns = ("180 p50", "180 p99", "200 p50", "200 p99", "up p50", "up p99", "spacing p99")
    for name in ("calls", *columns, "core", "memory", ""):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for step in result.steps:
        verdict = "holds" if step.holds else escape(step.why)
        ringing, answered = step.setup.invite_to_180_ms, step.setup.invite_to_200_ms
        yield (
            f"<tr><td>{step.calls}</td><td>{ms(ringing.p50)}</td><td>{ms(ringing.p99)}</td>"
            f"<td>{ms(answered.p50)}</td><td>{ms(answered.p99)}</td>"
            f"<td>{ms(step.mouth_to_engine_ms.p50)}</td>"
            f"<td>{ms(step.mouth_to_engine_ms.p99)}</td><td>{ms(step.spacing_error_ms.p99)}</td>"
            f"<td>{step.cpu_percent:.0f} %</td><td>{step.memory_mb:.0f} MB</td>"
            f'<td class="words">{verdict}</td></tr>'
        )
    yield "</tbody></table></div></section>"
    yield from _processes(result)


def _processes(result: Result) -> Iterator[str]:
    """Of the step that the other figures are of."""
    step = result.last_step
    if step is None or not step.processes:
        return
    yield f"<section><h2>Processes at {step.calls} calls</h2>"
    if result.pinned:
        yield f"<p>{escape(result.pinned)}</p>"
    yield '<div class="wide"><table class="figures"><thead><tr>'
    for name in ("process", "calls", "core", "µs per call and frame", "memory (PSS)"):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for process in step.processes:
        each = f"{process.cpu_us_per_frame:.0f}" if process.calls else ""
        yield (
            f'<tr><th scope="row">{process.name}</th><td>{process.calls or ""}</td>'
            f"<td>{process.cpu_percent:.1f} %</td><td>{each}</td>"
            f"<td>{process.memory_mb:.0f} MB</td></tr>"
        )
    yield "</tbody></table></div></section>"


def _call(result: Result, pictures: Pictures) -> Iterator[str]:
    which = " of the first call" if result.calls > 1 else ""
    yield f"<section><h2>Packets{which}</h2>"
    yield plots.timeline(pictures.timeline, pictures.seconds)
    yield (
        '<p class="legend"><i class="ok"></i>passed on at once <i class="held"></i>held until the '
        'gap was filled <i class="gave-up"></i>held until it was given up <i class="late"></i>came '
        'too late, or twice <i class="lost"></i>never came</p></section>'
    )
    yield f"<section><h2>Reorder buffer{which}</h2>"
    yield "<p>How many packets wait behind a gap. On a good line: none, ever.</p>"
    yield plots.depth(pictures.depth_at_s, pictures.depth, pictures.seconds)
    yield "</section>"
    rows = []
    for part, names in ((result.uplink, UPLINK_STAGES), (result.downlink, DOWNLINK_STAGES)):
        for name, words in names:
            spread = getattr(part, name)
            if spread.count:
                rows.append((words, spread, pictures.delays[name], name in _TOTALS))
    if rows:
        yield "<section><h2>Where the time goes</h2><p>Delays on a logarithmic axis; each shape is "
        yield "the square root of how many there were.</p>"
        yield plots.distributions(rows)
        yield (
            '<p class="legend"><i class="median"></i>median <i class="p99"></i>99 % '
            '<i class="worst"></i>worst</p></section>'
        )
    if pictures.received is not None and pictures.engine is not None:
        axis_s = max(pictures.received_seconds, pictures.engine_seconds)
        yield f"<section><h2>The voice{which}, as it came</h2>"
        yield plots.image(
            spectrogram.data_uri(pictures.received),
            pictures.received_seconds,
            axis_s,
            "spectrogram as received",
        )
        yield '<p class="legend"><i class="missing"></i>no audio came</p></section>'
        yield "<section><h2>… and as the engine got it</h2>"
        yield plots.image(
            spectrogram.data_uri(pictures.engine),
            pictures.engine_seconds,
            axis_s,
            "spectrogram of what the engine got",
        )
        yield "<p>Gaps are concealed; behind the end, silence is fed so that a turn can end.</p>"
        yield "</section>"


def _figures(result: Result) -> Iterator[str]:
    rows = list(stages(result))
    if not rows:
        return
    yield '<section><h2>Figures</h2><div class="wide"><table class="figures"><thead><tr>'
    for name in ("milliseconds", "p50", "p95", "p99", "max", "count"):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for words, spread in rows:
        values = (spread.p50, spread.p95, spread.p99, spread.max)
        cells = "".join(f"<td>{value:.3f}</td>" for value in values)
        yield f'<tr><th scope="row">{words}</th>{cells}<td>{spread.count:,}</td></tr>'
    yield "</tbody></table></div></section>"


def _foot(result: Result) -> Iterator[str]:
    machine = result.machine
    yield (
        f"<footer><p><code>{escape(result.command)}</code></p>"
        f"<p>{escape(result.made_at)} · {machine.cores} × {escape(machine.cpu)}, Linux "
        f"{escape(machine.kernel)}, Python {machine.python} · load average "
        f"{machine.load_before:.1f} before, {machine.load_after:.1f} after · our sender was at "
        f"most {result.health.generator_late_ms:.1f} ms late</p></footer>"
    )
