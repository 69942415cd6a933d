// INVITEs that never became a call, each with the rule that refused it.

import { el, setText } from "../lib/dom.js";
import { dayAndTime, plain, subscriber } from "../lib/text.js";
import { parsed } from "../model/filter.js";
import { Grid } from "../parts/grid.js";

const words = (key, label, of, least, share, rank) => ({ key, label, width: `minmax(0, ${share}fr)`, least, rank, text: (one) => plain(of(one), 300) });

const COLUMNS = [
  { key: "at", label: "Time", width: "150px", least: 150, rank: 0, text: (one) => dayAndTime(one.at) },
  { key: "status", label: "Status", width: "56px", least: 56, rank: 0, right: true, text: (one) => String(one.status), value: (one) => one.status },
  words("cause", "Rule", (one) => one.cause ?? one.reason, 110, 3, 0),
  words("from", "From", (one) => subscriber(one.from), 90, 2, 2),
  words("to", "To", (one) => subscriber(one.to), 90, 2, 3),
  words("source", "Source", (one) => one.source, 120, 1.5, 1),
  words("sip_call_id", "Call-ID", (one) => one.sip_call_id, 120, 2, 5),
  { key: "kept_back", label: "Before it", title: "Refusals before it that were not told", width: "76px", least: 76, rank: 4, right: true, text: (one) => (one.kept_back ? `+${one.kept_back}` : ""), value: (one) => one.kept_back },
];

export class RefusalsView {
  constructor(app) {
    this.count = el("span", { class: "count", role: "status" });
    this.search = el("input", { type: "search", placeholder: "Filter   /", "aria-label": "Filter refusals", spellcheck: "false", autocomplete: "off", on: { input: () => this.#filter() } });
    this.grid = new Grid({
      label: "Refusals",
      columns: COLUMNS,
      key: (one) => one.id,
      counted: (shown, all) => setText(this.count, shown === all ? `${all}` : `${shown} of ${all}`),
      empty: "Nothing was refused.",
    });
    this.node = el("main", {}, el("div", { class: "tools" }, this.search, this.count), this.grid.node);
    this.grid.source(() => app.edge.refusals);
    this.keys = [
      { keys: ["j", "ArrowDown"], label: "Next", run: () => this.grid.move(1) },
      { keys: ["k", "ArrowUp"], label: "Previous", run: () => this.grid.move(-1) },
      { keys: ["/"], label: "Filter", run: () => this.search.focus() },
      { keys: ["Escape"], run: () => this.grid.node.focus() },
    ];
  }

  close() {
    this.grid.close();
  }

  changed() {
    this.grid.changed();
  }

  focus() {
    this.grid.node.focus();
  }

  #filter() {
    const byKey = Object.fromEntries(COLUMNS.map((one) => [one.key, one]));
    this.grid.filter(parsed(this.search.value, byKey, (one) => COLUMNS.map((column) => column.text(one)).join(" ").toLowerCase()));
  }
}
