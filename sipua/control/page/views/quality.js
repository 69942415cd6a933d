// The figures of one call over time.

import { el } from "../lib/dom.js";
import { duration, number } from "../lib/text.js";
import * as figures from "../model/figures.js";
import { age } from "../model/calls.js";
import { section } from "../parts/section.js";
import { plot } from "../parts/plot.js";

const MOST_POINTS = 600;
const EVERY_MS = 2000;

const PLOTS = [
  ["loss", "Loss", "%", 5, 1],
  ["jitter", "Jitter", "ms", 20, 0],
  ["round_trip", "Round trip", "ms", 100, 0],
  ["wait", "Wait for an answer", "ms", 1000, 0],
];

export class QualitySection {
  #app;
  #id;
  #story;
  #timer;
  #points = { loss: [], jitter: [], round_trip: [] };

  constructor(app, id, story) {
    this.#app = app;
    this.#id = id;
    this.#story = story;
    this.inside = el("div", { class: "inside plots" });
    this.node = section("Quality", "half", this.inside);
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
    this.#look();
  }

  close() {
    clearInterval(this.#timer);
  }

  load() {
    this.draw();
  }

  #look() {
    const call = this.#app.calls.get(this.#id);
    if (!call || call.state === "ended") return;
    const at = age(call);
    const now = { loss: figures.loss(call), jitter: figures.jitter(call), round_trip: figures.roundTrip(call) };
    for (const [name, points] of Object.entries(this.#points)) {
      points.push([at, now[name] ?? null]);
      if (points.length > MOST_POINTS) points.shift();
    }
    this.draw();
  }

  draw() {
    const points = { ...this.#points, wait: this.#story.latencies };
    this.inside.replaceChildren(
      ...PLOTS.map(([name, label, unit, least, digits]) => {
        const last = points[name].findLast(([, value]) => Number.isFinite(value))?.[1];
        return el(
          "div",
          {},
          el("h3", {}, label, el("b", { class: figures.judged(name, last) }, last === undefined ? "–" : `${number(last, digits)} ${unit}`)),
          plot({ label, unit, points: points[name], limits: figures.LIMITS[name], least, digits, clock: duration }),
        );
      }),
    );
  }
}
