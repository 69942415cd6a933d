// A small table that is written anew when it has changed.

import { el } from "../lib/dom.js";
import { plain } from "../lib/text.js";

// A column: [label, of(row), class]; what `of` returns is a text, or a node.
export function table(columns, rows, none) {
  if (!rows.length) return el("p", { class: "dim" }, none);
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, columns.map(([label, , name]) => el("th", { class: name, scope: "col" }, label)))),
    el("tbody", {}, rows.map((row) =>
      el("tr", {}, columns.map(([, of, name]) => {
        const value = of(row);
        return el("td", { class: name }, value instanceof Node ? value : plain(value ?? "", 1000));
      })))),
  );
}

// Writes what `make` makes into `node`, if `data` is not what it was: a button that has the focus
// keeps it.
export function renew(node, data, make) {
  const mark = JSON.stringify(data) ?? "";
  if (node.mark === mark) return;
  node.mark = mark;
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.act : "";
  node.replaceChildren(make());
  if (focused) [...node.querySelectorAll("[data-act]")].find((one) => one.dataset.act === focused)?.focus();
}
