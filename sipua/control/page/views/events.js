// What went wrong lately, and news of the edge.

import { el, setText } from "../lib/dom.js";
import { dayAndTime, fields, party, plain } from "../lib/text.js";
import { parsed } from "../model/filter.js";
import { Grid } from "../parts/grid.js";

const TONES = { error: "state fault", warning: "state ringing", news: "state" };

const COLUMNS = [
  { key: "level", label: "Level", width: "86px", least: 86, rank: 0, text: (one) => one.level, tone: (one) => TONES[one.level] },
  { key: "time", label: "Time", width: "150px", least: 150, rank: 1, text: (one) => dayAndTime(one.event.time) },
  { key: "type", label: "Event", width: "minmax(0, 1.2fr)", least: 110, rank: 0, text: (one) => plain(one.event.type, 70) },
  { key: "call", label: "Call", width: "104px", least: 104, rank: 2, text: (one) => plain(one.event.subject ?? "", 70) },
  { key: "about", label: "What", width: "minmax(0, 4fr)", least: 110, rank: 0, text: (one) => plain(about(one.event), 400) },
];

function about({ type, data }) {
  if (type === "call.rejected") {
    return `${data.status} ${data.cause ?? data.reason}, from ${party(data.from)} to ${party(data.to)}, by ${data.source}`;
  }
  if (type !== "call.ended") return fields(data);
  const { end } = data;
  return `${data.status}, by ${end.by}: ${end.reason}, fault: ${end.fault}${end.detail ? `, ${end.detail}` : ""}`;
}

export class EventsView {
  #app;

  constructor(app) {
    this.#app = app;
    this.count = el("span", { class: "count", role: "status" });
    this.search = el("input", { type: "search", placeholder: "Filter   /", "aria-label": "Filter events", spellcheck: "false", autocomplete: "off", on: { input: () => this.#filter() } });
    this.grid = new Grid({
      label: "What went wrong, and news of the edge",
      columns: COLUMNS,
      key: (one) => one.id,
      open: (one) => one.event.subject && app.go(`call/${one.event.subject}`),
      counted: (shown, all) => setText(this.count, shown === all ? `${all}` : `${shown} of ${all}`),
      empty: "Nothing went wrong since the page was opened, nor in the last events that the edge keeps.",
    });
    this.node = el("main", {}, el("div", { class: "tools" }, this.search, this.count), this.grid.node);
    this.grid.source(() => app.troubles.rows);
    this.keys = [
      { keys: ["j", "ArrowDown"], label: "Next", run: () => this.grid.move(1) },
      { keys: ["k", "ArrowUp"], label: "Previous", run: () => this.grid.move(-1) },
      { keys: ["Enter"], label: "Open its call", run: () => this.#open() },
      { keys: ["/"], label: "Filter", run: () => this.search.focus() },
      { keys: ["Escape"], run: () => this.grid.node.focus() },
    ];
    app.troubles.unseen = 0;
  }

  close() {
    this.grid.close();
  }

  changed() {
    this.#app.troubles.unseen = 0;
    this.grid.changed();
  }

  focus() {
    this.grid.node.focus();
  }

  #open() {
    const call = this.grid.row()?.event.subject;
    if (call) this.#app.go(`call/${call}`);
  }

  #filter() {
    const byKey = Object.fromEntries(COLUMNS.map((one) => [one.key, one]));
    this.grid.filter(parsed(this.search.value, byKey, (one) => COLUMNS.map((column) => column.text(one)).join(" ").toLowerCase()));
  }
}
