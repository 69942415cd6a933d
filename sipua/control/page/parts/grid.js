// A table of any length: only the rows in sight exist, and only cells whose text has changed are
// written. Rows have a key, so the selection stays with its row when the order changes.

import { el, setClass, setText } from "../lib/dom.js";

const ROW_PX = 24; // as in style/parts.css
const BEYOND = 8; // rows above and below those in sight
const EVERY_MS = 250; // figures that change more often cannot be read
const KEY_CHARS = 9;

let grids = 0;

// A column: { key, label, width (of the grid-template), rank (the higher, the sooner it is left out
// where it is narrow), least (its width in pixels), right, text(row), value(row), tone(row), title }.
export class Grid {
  #columns;
  #shownColumns = [];
  #rows = [];
  #all = () => [];
  #test = () => true;
  #pool = [];
  #first = 0;
  #height = 0;
  #timer = 0;
  #drawn = 0;
  #id = `grid-${(grids += 1)}`;
  #handlers;
  #observer;

  constructor({ label, columns, key, sort = null, descending = false, open = () => {}, counted = () => {}, empty = "" }) {
    this.#columns = columns;
    this.#handlers = { key, open, counted };
    this.sort = sort;
    this.descending = descending;
    this.selected = null;
    this.head = el("div", { class: "row head", role: "row", "aria-rowindex": 1 });
    this.spacer = el("div", { class: "spacer", role: "presentation" });
    this.body = el("div", { class: "rows", role: "rowgroup", on: { scroll: () => this.#scrolled() } }, this.spacer);
    this.empty = el("p", { class: "empty", hidden: true }, empty);
    this.node = el(
      "div",
      { class: "grid", role: "grid", tabindex: 0, "aria-label": label, "aria-readonly": "true" },
      el("div", { role: "rowgroup" }, this.head),
      this.body,
      this.empty,
    );
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(this.body);
  }

  close() {
    this.#observer.disconnect();
    clearTimeout(this.#timer);
  }

  // `all`: a function that gives the rows; called whenever the grid is drawn.
  source(all) {
    this.#all = all;
    this.draw();
  }

  filter(test) {
    this.#test = test;
    this.draw();
  }

  // Soon, and only once for many changes.
  changed() {
    if (this.#timer) return;
    const wait = Math.max(0, this.#drawn + EVERY_MS - performance.now());
    this.#timer = setTimeout(() => requestAnimationFrame(() => this.draw()), wait);
  }

  draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#drawn = performance.now();
    const all = this.#all();
    this.#rows = all.filter(this.#test);
    this.#sortRows();
    this.#handlers.counted(this.#rows.length, all.length);
    this.empty.hidden = this.#rows.length > 0;
    this.node.setAttribute("aria-rowcount", this.#rows.length + 1);
    const height = `${this.#rows.length * ROW_PX}px`;
    if (this.spacer.style.height !== height) this.spacer.style.height = height;
    this.#window();
  }

  #sortRows() {
    const column = this.#columns.find((one) => one.key === this.sort);
    if (!column) return;
    const of = column.value ?? column.text;
    const sign = this.descending ? -1 : 1;
    const keyed = this.#rows.map((row, index) => ({ row, index, value: of(row) }));
    keyed.sort((a, b) => compared(a.value, b.value, sign) || a.index - b.index);
    this.#rows = keyed.map((one) => one.row);
  }

  get count() {
    return this.#rows.length;
  }

  row() {
    return this.#rows.find((row) => this.#handlers.key(row) === this.selected);
  }

  // By so many rows; from the top when none is selected.
  move(by) {
    if (!this.#rows.length) return;
    const at = this.#rows.findIndex((row) => this.#handlers.key(row) === this.selected);
    const next = at < 0 ? 0 : Math.min(this.#rows.length - 1, Math.max(0, at + by));
    this.select(this.#handlers.key(this.#rows[next]));
    const top = next * ROW_PX;
    const { scrollTop, clientHeight } = this.body;
    if (top < scrollTop) this.body.scrollTop = top;
    else if (top + ROW_PX > scrollTop + clientHeight) this.body.scrollTop = top + ROW_PX - clientHeight;
    this.#scrolled();
  }

  select(key) {
    this.selected = key;
    this.#window();
  }

  // --- its window -----------------------------------------------------------------------------

  #scrolled() {
    this.#first = Math.max(0, Math.floor(this.body.scrollTop / ROW_PX) - BEYOND);
    this.#window();
  }

  #resized() {
    this.#height = this.body.clientHeight;
    const width = this.body.clientWidth;
    const columns = fitting(this.#columns, width);
    if (columns.map((one) => one.key).join() !== this.#shownColumns.map((one) => one.key).join()) {
      this.#shownColumns = columns;
      this.node.style.setProperty("--columns", columns.map((one) => one.width).join(" "));
      this.#pool.forEach((one) => one.node.remove());
      this.#pool = [];
    }
    this.#heads();
    this.#scrolled();
  }

  #heads() {
    this.head.replaceChildren(
      ...this.#shownColumns.map((column) => {
        const sorted = column.key === this.sort;
        const order = sorted ? (this.descending ? "descending" : "ascending") : "none";
        const mark = sorted ? (this.descending ? " ▾" : " ▴") : "";
        return el(
          "div",
          { class: column.right ? "cell right" : "cell", role: "columnheader", "aria-sort": order, title: column.title },
          el("button", { tabindex: -1, on: { click: () => this.#sortBy(column) } }, `${column.label}${mark}`),
        );
      }),
    );
  }

  #sortBy(column) {
    if (this.sort === column.key) this.descending = !this.descending;
    else [this.sort, this.descending] = [column.key, Boolean(column.value)];
    this.#heads();
    this.draw();
  }

  #window() {
    if (!this.#height) return;
    const size = Math.ceil(this.#height / ROW_PX) + 2 * BEYOND;
    const first = Math.min(this.#first, Math.max(0, this.#rows.length - size));
    while (this.#pool.length < size) this.#pool.push(this.#newRow());
    // A row keeps its node while it is in the window: scrolling by one writes one.
    for (let index = first; index < first + size; index += 1) {
      this.#fill(this.#pool[index % size] ?? this.#newRow(), index);
    }
    for (const extra of this.#pool.splice(size)) extra.node.remove();
    const at = this.#rows.findIndex((row) => this.#handlers.key(row) === this.selected);
    if (at >= first && at < first + size) this.node.setAttribute("aria-activedescendant", this.#pool[at % size].node.id);
    else this.node.removeAttribute("aria-activedescendant");
  }

  #newRow() {
    const one = { row: null, top: -1 };
    one.cells = this.#shownColumns.map((column) => el("div", { class: column.right ? "cell right" : "cell", role: "gridcell" }));
    one.node = el(
      "div",
      { class: "row", role: "row", id: `${this.#id}-${this.#pool.length}`, hidden: true, on: { click: () => this.#clicked(one) } },
      one.cells,
    );
    this.body.append(one.node);
    return one;
  }

  #clicked(one) {
    if (!one.row || String(window.getSelection())) return; // a text is being marked
    this.select(this.#handlers.key(one.row));
    this.#handlers.open(one.row);
  }

  #fill(one, index) {
    const row = this.#rows[index];
    one.row = row ?? null;
    if (one.node.hidden !== !row) one.node.hidden = !row;
    if (!row) return;
    if (one.top !== index) {
      one.top = index;
      one.node.style.transform = `translateY(${index * ROW_PX}px)`;
      one.node.setAttribute("aria-rowindex", index + 2);
    }
    const key = this.#handlers.key(row);
    const chosen = key === this.selected;
    if (one.key !== key) {
      one.key = key;
      one.node.dataset.key = key;
    }
    setClass(one.node, chosen ? "row chosen" : "row");
    if (one.chosen !== chosen) {
      one.chosen = chosen;
      one.node.setAttribute("aria-selected", chosen);
    }
    this.#shownColumns.forEach((column, place) => {
      const cell = one.cells[place];
      const text = column.text(row);
      if (cell.textContent !== text) {
        setText(cell, text);
        if (text.length > KEY_CHARS) cell.title = text;
        else cell.removeAttribute("title");
      }
      const tone = column.tone?.(row) ?? "";
      setClass(cell, `cell${column.right ? " right" : ""}${tone ? ` ${tone}` : ""}`);
    });
  }
}

// Unknown values stand at the end, whichever way it is sorted.
function compared(a, b, sign) {
  const [noA, noB] = [a === undefined || a === null || a === "", b === undefined || b === null || b === ""];
  if (noA || noB) return Number(noA) - Number(noB);
  if (typeof a === "string") return sign * a.localeCompare(b);
  return sign * (a - b);
}

function fitting(columns, width) {
  const shown = [...columns];
  const needed = () => shown.reduce((sum, one) => sum + one.least, 0);
  while (needed() > width) {
    const rank = Math.max(...shown.map((one) => one.rank));
    if (!rank) break;
    shown.splice(shown.findLastIndex((one) => one.rank === rank), 1);
  }
  return shown;
}
