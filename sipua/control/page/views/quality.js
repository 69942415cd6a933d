// How one call is heard: over time, and in figures.

import { el } from "../lib/dom.js";
import { duration, number } from "../lib/text.js";
import * as figures from "../model/figures.js";
import { plot } from "../parts/plot.js";
import { section } from "../parts/section.js";
import { renew, table } from "../parts/table.js";

const EVERY_MS = 5000;

// [key of the limits, label, unit, fields of a point, factor, least scale, most, digits]
const PLOTS = [
  ["loss", "Loss", "%", ["loss_in", "loss_out"], 100, 5, undefined, 1],
  ["jitter", "Jitter", "ms", ["jitter_in_ms", "jitter_out_ms"], 1, 20, undefined, 0],
  ["round_trip", "Round trip", "ms", [null, "round_trip_ms"], 1, 100, undefined, 0],
  ["mos", "MOS", "", ["mos_in", "mos_out"], 1, 5, 5, 1],
];

export class QualitySection {
  #app;
  #id;
  #story;
  #timer = 0;
  #points = [];
  #drawn = "";

  constructor(app, id, story) {
    this.#app = app;
    this.#id = id;
    this.#story = story;
    this.plots = el("div", { class: "plots" });
    this.counts = el("div", { class: "after" });
    const legend = el("span", { class: "push legend" }, el("span", { class: "key in" }, "as we hear it"), el("span", { class: "key out" }, "as the other side does"));
    this.node = section("Quality", "", el("div", { class: "inside" }, this.plots, this.counts), legend);
    this.#timer = setInterval(() => this.load(), EVERY_MS);
    this.load();
  }

  close() {
    clearInterval(this.#timer);
  }

  async load() {
    try {
      const history = await this.#app.session.api.getIfThere(`/v1/calls/${this.#id}/history`);
      if (history) {
        this.#points = history.points;
        this.#story.addHistory(history);
      }
    } catch {
      // The bar says that the edge does not answer.
    }
    if (this.#app.calls.get(this.#id)?.state === "ended") this.close();
    this.draw();
  }

  draw() {
    const waits = this.#story.latencies;
    const mark = `${this.#points.length} ${this.#points.at(-1)?.at_ms} ${waits.length}`;
    if (mark !== this.#drawn) {
      this.#drawn = mark;
      const plots = PLOTS.map((one) => this.#plot(one));
      const wait = { label: "Wait for an answer", unit: "ms", limits: figures.LIMITS.wait, least: 1000, clock: duration };
      plots.push(titled("wait", wait.label, "ms", 0, waits.at(-1)?.[1], plot({ ...wait, lines: [{ name: "out", points: waits }] })));
      this.plots.replaceChildren(...plots);
    }
    const stats = this.#app.calls.get(this.#id)?.stats;
    renew(this.counts, stats && [stats.received, stats.sent], () => counts(stats));
  }

  #plot([key, label, unit, names, factor, least, most, digits]) {
    const lines = names
      .map((name, index) => ({
        name: index ? "out" : "in",
        points: name ? this.#points.map((one) => [one.at_ms / 1000, Number.isFinite(one[name]) ? one[name] * factor : null]) : [],
      }))
      .filter((line) => line.points.length);
    const last = lines.map((line) => line.points.at(-1)[1]).filter(Number.isFinite);
    const worst = last.length ? (key === "mos" ? Math.min(...last) : Math.max(...last)) : undefined;
    return titled(key, label, unit, digits, worst, plot({ label, unit, lines, limits: figures.LIMITS[key], least, most, digits, clock: duration }));
  }
}

function titled(key, label, unit, digits, value, picture) {
  const text = value === undefined ? "–" : `${number(value, digits)} ${unit}`;
  return el("div", {}, el("h3", {}, label, el("b", { class: figures.judged(key, value) }, text)), picture);
}

function counts(stats) {
  if (!stats?.received) return el("p", { class: "dim" }, "Nothing was counted yet.");
  const row = (label, one, more) => ({ label, ...one, ...more });
  return table(
    [
      ["", (one) => one.label, "nowrap dim"],
      ["Packets", (one) => one.packets, "right"],
      ["Lost", (one) => one.lost, "right"],
      ["Reordered", (one) => one.reordered, "right"],
      ["Late", (one) => one.late, "right"],
      ["Discarded", (one) => one.discarded, "right"],
      ["Buffer", (one) => (Number.isFinite(one.hold_ms) ? `${number(one.hold_ms)} ms` : ""), "right"],
      ["SSRC", (one) => one.ssrc, "right mono"],
    ],
    [row("received", stats.received), row("sent", stats.sent)],
    "",
  );
}
