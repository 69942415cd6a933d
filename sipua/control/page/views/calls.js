// The table of calls.

import { el, setText } from "../lib/dom.js";
import { message } from "../lib/dialogs.js";
import { words } from "../lib/api.js";
import { parsed } from "../model/filter.js";
import { Grid } from "../parts/grid.js";
import { hangUp, place } from "./acts.js";
import { ENDED, UP, haystack } from "./columns.js";

// What the reader has chosen stays while he looks at a call.
const chosen = { which: "up", filter: "", sorts: {}, selected: null };

export class CallsView {
  #app;
  #grid;
  #columns;
  #clock = setInterval(() => this.changed(), 1000); // ages

  constructor(app) {
    this.#app = app;
    this.count = el("span", { class: "count", role: "status" });
    this.search = el("input", {
      type: "search",
      placeholder: "Filter: number, route, wait>1500 …   /",
      "aria-label": "Filter calls",
      spellcheck: "false",
      autocomplete: "off",
      value: chosen.filter,
      on: { input: () => this.#filter(), keydown: (event) => event.key === "Enter" && this.#enter() },
    });
    this.chips = el(
      "span",
      { class: "chips", role: "group", "aria-label": "Which calls" },
      [["up", "Live"], ["ended", "Ended"]].map(([which, label]) =>
        el("button", { "data-which": which, on: { click: () => this.#which(which) } }, label)),
    );
    const tools = el(
      "div",
      { class: "tools" },
      this.search,
      this.chips,
      this.count,
      app.session.place ? el("button", { class: "push", on: { click: () => place(app) } }, "Place a call", el("kbd", {}, "n")) : null,
    );
    this.node = el("main", {}, tools);
    this.#build();
    this.keys = [
      { keys: ["j", "ArrowDown"], label: "Next", run: () => this.#grid.move(1) },
      { keys: ["k", "ArrowUp"], label: "Previous", run: () => this.#grid.move(-1) },
      { keys: ["PageDown"], run: () => this.#grid.move(20) },
      { keys: ["PageUp"], run: () => this.#grid.move(-20) },
      { keys: ["g", "Home"], label: "First", run: () => this.#grid.move(-1e9) },
      { keys: ["G", "End"], label: "Last", run: () => this.#grid.move(1e9) },
      { keys: ["Enter"], label: "Open the call", run: () => this.#open(this.#grid.row()) },
      { keys: ["/"], label: "Filter", run: () => this.search.focus() },
      { keys: ["e"], label: "Live calls, or ended ones", run: () => this.#which(chosen.which === "up" ? "ended" : "up") },
      { keys: ["Escape"], label: "No filter", run: () => this.#clear() },
    ];
    if (app.session.may("operator")) {
      this.keys.push({ keys: ["x"], label: "Hang up", run: () => hangUp(app, this.#grid.row()) });
    }
    if (app.session.place) this.keys.push({ keys: ["n"], label: "Place a call", run: () => place(app) });
  }

  close() {
    clearInterval(this.#clock);
    chosen.selected = this.#grid.selected;
    this.#grid.close();
  }

  changed() {
    this.#grid.changed();
  }

  focus() {
    this.#grid.node.focus();
  }

  #build() {
    const ended = chosen.which === "ended";
    this.#columns = ended ? ENDED : UP;
    const sorted = chosen.sorts[chosen.which] ?? {};
    const before = this.#grid;
    this.#grid = new Grid({
      label: ended ? "Calls that have ended" : "Live calls",
      columns: this.#columns,
      key: (call) => call.id,
      sort: sorted.sort ?? null,
      descending: sorted.descending,
      open: (call) => this.#open(call),
      counted: (shown, all) => setText(this.count, shown === all ? `${all}` : `${shown} of ${all}`),
      empty: ended ? "No call has ended yet." : "No calls.",
    });
    this.#grid.selected = chosen.selected;
    before?.close();
    before?.node.remove();
    this.node.append(this.#grid.node);
    const calls = this.#app.calls;
    this.#grid.source(() => (ended ? [...calls.ended.values()].reverse() : newestFirst(calls.up)));
    this.#filter();
    for (const chip of this.chips.children) {
      chip.setAttribute("aria-pressed", chip.dataset.which === chosen.which);
    }
  }

  async #which(which) {
    if (which === chosen.which) return;
    chosen.sorts[chosen.which] = { sort: this.#grid.sort, descending: this.#grid.descending };
    chosen.which = which;
    chosen.selected = null;
    this.#build();
    this.#grid.node.focus();
    if (which === "ended") await this.#loadEnded();
  }

  async #loadEnded() {
    try {
      const asked = performance.now();
      const page = await this.#app.session.api.get("/v1/calls?state=ended&limit=1000");
      this.#app.calls.putEnded(page.calls, asked);
    } catch (error) {
      message(words(error), "failed");
    }
  }

  #filter() {
    chosen.filter = this.search.value;
    const byKey = Object.fromEntries(this.#columns.map((one) => [one.key, one]));
    this.#grid.filter(parsed(chosen.filter, byKey, haystack));
  }

  #enter() {
    this.#grid.node.focus();
    if (!this.#grid.row()) this.#grid.move(0);
  }

  #clear() {
    if (this.search.value) {
      this.search.value = "";
      this.#filter();
    }
    this.#grid.node.focus();
  }

  #open(call) {
    if (call) this.#app.go(`call/${call.id}`);
  }
}

function newestFirst(calls) {
  return [...calls.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : a.id < b.id ? 1 : -1));
}
