// A small plot of a figure over time, for one direction or for both.

import { svg } from "../lib/dom.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [220, 84, 30, 6, 6, 14];

// `lines`: [{ name, points: [[seconds, value or null], …] }], the oldest first; `limits`: [warn, bad],
// drawn as lines. `most`: the top of the scale where there is one.
export function plot({ label, unit, lines, limits = [], least = 1, most, digits = 0, clock = String }) {
  const points = lines.flatMap((line) => line.points);
  const known = points.filter(([, value]) => Number.isFinite(value));
  const top = most ?? nice(Math.max(least, ...known.map(([, value]) => value)));
  const times = points.map(([seconds]) => seconds);
  const from = times.length ? Math.min(...times) : 0;
  const to = Math.max(from + 1, ...times);
  const x = (seconds) => LEFT + ((seconds - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const told = `${label}: ${lines.map((line) => summary(line, unit, digits)).join("; ")}`;
  return svg(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": told },
    svg("title", {}, told),
    [0, top / 2, top].map((value) => [
      svg("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick", x: LEFT - 5, y: y(value) + 3, "text-anchor": "end" }, short(value)),
    ]),
    known.length ? [] : svg("text", { class: "tick", x: (LEFT + WIDTH) / 2, y: y(top / 2) - 6, "text-anchor": "middle" }, "not known"),
    (known.length ? limits : []).map((limit, index) =>
      limit < top ? svg("line", { class: index ? "limit bad" : "limit warn", x1: LEFT, x2: WIDTH - RIGHT, y1: y(limit), y2: y(limit) }) : null),
    svg("text", { class: "tick", x: LEFT, y: HEIGHT - 3 }, clock(from)),
    svg("text", { class: "tick", x: WIDTH - RIGHT, y: HEIGHT - 3, "text-anchor": "end" }, clock(to)),
    lines.map((line) => drawn(line, x, y)),
  );
}

function drawn({ name, points }, x, y) {
  return runs(points).map((run) =>
    run.length === 1
      ? svg("circle", { class: `dot ${name}`, cx: x(run[0][0]), cy: y(run[0][1]), r: 1.5 })
      : svg("polyline", { class: `line ${name}`, points: run.map(([s, v]) => `${x(s).toFixed(1)},${y(v).toFixed(1)}`).join(" ") }));
}

function summary({ name, points }, unit, digits) {
  const values = points.map(([, value]) => value).filter(Number.isFinite);
  if (!values.length) return `${name} not known`;
  return `${name} ${values.at(-1).toFixed(digits)} ${unit} now, ${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
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
  return [1, 2, 5, 10].find((step) => value <= step * power * 1.000001) * power;
}

function short(value) {
  return value >= 1000 ? `${value / 1000}k` : String(Number(value.toFixed(2)));
}
