// What is kept of a call that has ended: its record, and all that was counted.

import { el, show } from "../lib/dom.js";
import { duration, fields, plain } from "../lib/text.js";
import { section } from "../parts/section.js";

const MOST_LINES = 1000;

export class RecordSection {
  #app;
  #id;
  #loaded = false;

  constructor(app, id) {
    this.#app = app;
    this.#id = id;
    this.inside = el("div", { class: "inside" });
    this.node = section("Record", "", this.inside);
    this.node.hidden = true;
  }

  async load() {
    if (this.#loaded) return;
    this.#loaded = true;
    let lines = [];
    try {
      const text = (await this.#app.session.api.getIfThere(`/v1/calls/${this.#id}/record`)) ?? "";
      lines = text.split("\n").filter(Boolean).slice(0, MOST_LINES).map((line) => JSON.parse(line));
    } catch {
      // There is none that can be read.
    }
    const counters = this.#app.calls.get(this.#id)?.stats?.counters;
    this.inside.replaceChildren(
      lines.length ? this.#lines(lines) : el("p", { class: "dim" }, "No record is written: record.enabled is off, or it is deleted."),
      ...(counters ? [counted(counters)] : []),
    );
    show(this.node, true);
  }

  #lines(lines) {
    return el(
      "div",
      { class: "tall" },
      el(
        "table",
        {},
        el("tbody", {}, lines.map((line) => {
          const { kind, at_ms: at, ...rest } = line;
          return el("tr", {}, el("td", { class: "right nowrap dim" }, at === undefined ? "" : duration(at / 1000)), el("td", { class: "nowrap" }, plain(kind, 40)), el("td", {}, plain(fields(rest), 1500)));
        })),
      ),
    );
  }
}

function counted(counters) {
  return el(
    "details",
    {},
    el("summary", {}, "All that was counted"),
    el("table", {}, el("tbody", {}, Object.entries(counters).map(([name, values]) =>
      el("tr", {}, el("td", { class: "nowrap" }, plain(name, 60)), el("td", { class: "mono" }, plain(typeof values === "object" ? fields(values) : values, 4000)))))),
  );
}
