// A small plot of one figure over time.

import { svg } from "../lib/dom.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [300, 84, 34, 14, 6];

// `points`: [[seconds, value or null], …], the oldest first. `limits`: [warn, bad], drawn as lines.
export function plot({ label, unit, points, limits = [], least = 1, digits = 0, clock = String }) {
  const known = points.filter(([, value]) => Number.isFinite(value));
  const last = known.at(-1)?.[1];
  const top = nice(Math.max(least, ...known.map(([, value]) => value)));
  const [from, to] = [points[0]?.[0] ?? 0, Math.max((points.at(-1)?.[0] ?? 0), (points[0]?.[0] ?? 0) + 1)];
  const x = (seconds) => LEFT + ((seconds - from) / (to - from)) * (WIDTH - LEFT - 4);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const told = known.length
    ? `${label}: ${last.toFixed(digits)} ${unit} now, at most ${Math.max(...known.map(([, v]) => v)).toFixed(digits)} ${unit}`
    : `${label}: not known`;
  return svg(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": told },
    svg("title", {}, told),
    [0, top / 2, top].map((value) => [
      svg("line", { class: "rule", x1: LEFT, x2: WIDTH - 4, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick", x: LEFT - 5, y: y(value) + 3, "text-anchor": "end" }, short(value)),
    ]).flat(),
    known.length ? null : svg("text", { class: "tick", x: (LEFT + WIDTH) / 2, y: y(top / 2) - 6, "text-anchor": "middle" }, "not known"),
    (known.length ? limits : []).filter((limit) => limit < top).map((limit, index) =>
      svg("line", { class: index ? "limit bad" : "limit warn", x1: LEFT, x2: WIDTH - 4, y1: y(limit), y2: y(limit) })),
    svg("text", { class: "tick", x: LEFT, y: HEIGHT - 3 }, clock(from)),
    svg("text", { class: "tick", x: WIDTH - 4, y: HEIGHT - 3, "text-anchor": "end" }, clock(to)),
    runs(points).map((run) =>
      run.length === 1
        ? svg("circle", { class: "dot", cx: x(run[0][0]), cy: y(run[0][1]), r: 1.5 })
        : svg("polyline", { class: "line", points: run.map(([s, v]) => `${x(s).toFixed(1)},${y(v).toFixed(1)}`).join(" ") })),
  );
}

// A figure that is not known is a gap in the line.
function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (Number.isFinite(point[1])) found.at(-1).push(point);
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter((run) => run.length);
}

function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => value <= step * power) * power;
}

function short(value) {
  return value >= 1000 ? `${value / 1000}k` : String(Number(value.toFixed(2)));
}
