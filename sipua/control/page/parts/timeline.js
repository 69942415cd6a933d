// Who spoke when, as a picture: a lane for each side, and between them how long the caller waited.

import { svg } from "../lib/dom.js";
import { duration, plain } from "../lib/text.js";
import { judged } from "../model/figures.js";

const [HEIGHT, LEFT, RIGHT, LANE, GAP] = [104, 52, 20, 26, 14];
const [CALLER_Y, AGENT_Y] = [18, 18 + LANE + GAP];
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
const TICK_PX = 70;

// `story`: { spans: [{ who, start_ms, end_ms, cut, text }], waits: [{ start_ms, end_ms, total_ms }],
// marks: [{ at_ms, kind, label }] }; from and to in milliseconds since the answer.
export function timeline(story, { from_ms, to_ms, width }) {
  const scale = (width - LEFT - RIGHT) / Math.max(1, to_ms - from_ms);
  const x = (at_ms) => LEFT + (Math.min(to_ms, Math.max(from_ms, at_ms)) - from_ms) * scale;
  const inSight = (one) => (one.end_ms ?? one.at_ms) >= from_ms && (one.start_ms ?? one.at_ms) <= to_ms;
  return svg(
    "svg",
    { class: "timeline", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": summary(story) },
    lane("caller", CALLER_Y, width),
    lane("agent", AGENT_Y, width),
    ticks(from_ms, to_ms, x),
    story.waits.filter(inSight).map((wait) => waited(wait, x)),
    story.spans.filter(inSight).map((span) => spoken(span, x)),
    story.marks.filter(inSight).map((mark) => marked(mark, x)),
  );
}

function lane(name, y, width) {
  return svg(
    "g",
    {},
    svg("rect", { class: "lane", x: LEFT, y, width: Math.max(0, width - LEFT - RIGHT), height: LANE }),
    svg("text", { class: "name", x: LEFT - 8, y: y + LANE / 2 + 4, "text-anchor": "end" }, name),
  );
}

function ticks(from_ms, to_ms, x) {
  const pxPerS = x(from_ms + 1000) - x(from_ms) || 1;
  const step = (STEPS_S.find((one) => one * pxPerS >= TICK_PX) ?? 3600) * 1000;
  const found = [];
  for (let at = Math.ceil(from_ms / step) * step; at <= to_ms; at += step) {
    found.push(
      svg("line", { class: "rule", x1: x(at), x2: x(at), y1: CALLER_Y, y2: AGENT_Y + LANE }),
      svg("text", { class: "tick", x: x(at), y: HEIGHT - 6, "text-anchor": "middle" }, duration(at / 1000)),
    );
  }
  return found;
}

function spoken(span, x) {
  const y = span.who === "caller" ? CALLER_Y : AGENT_Y;
  const left = x(span.start_ms);
  const about = `${span.who} ${duration(span.start_ms / 1000)}, ${((span.end_ms - span.start_ms) / 1000).toFixed(1)} s`;
  const words = span.text ? `: ${plain(span.text, 200)}` : "";
  return svg(
    "rect",
    { class: `span ${span.who}${span.cut ? " cut" : ""}`, x: left, y: y + 3, width: Math.max(1.5, x(span.end_ms) - left), height: LANE - 6, rx: 2 },
    svg("title", {}, `${about}${span.cut ? `, cut by ${plain(span.cut)}` : ""}${words}`),
  );
}

function waited(wait, x) {
  const left = x(wait.start_ms);
  const tone = judged("wait", wait.total_ms);
  return svg(
    "rect",
    { class: `wait ${tone}`, x: left, y: CALLER_Y + LANE + GAP / 2 - 2, width: Math.max(1.5, x(wait.end_ms) - left), height: 4 },
    svg("title", {}, `waited ${wait.total_ms} ms${wait.stages ? `: ${wait.stages}` : ""}`),
  );
}

function marked(mark, x) {
  const at = x(mark.at_ms);
  return svg(
    "g",
    { class: `mark ${mark.kind}` },
    svg("path", { d: `M${at - 4} 4h8l-4 7z` }),
    svg("line", { x1: at, x2: at, y1: 8, y2: AGENT_Y + LANE }),
    svg("title", {}, `${duration(mark.at_ms / 1000)} ${plain(mark.label, 200)}`),
  );
}

function summary(story) {
  const seconds = (who) =>
    story.spans.filter((one) => one.who === who).reduce((sum, one) => sum + one.end_ms - one.start_ms, 0) / 1000;
  return `The caller spoke for ${seconds("caller").toFixed(0)} s, the agent for ${seconds("agent").toFixed(0)} s, in ${story.spans.length} pieces`;
}
