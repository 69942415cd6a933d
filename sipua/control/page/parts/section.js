// A part of a view, with its name.

import { el } from "../lib/dom.js";

// `share`: of the width, where there is enough: "half", or "".
export function section(label, share, inside, push = null) {
  return el("section", { class: `section ${share}`, "aria-label": label }, el("header", {}, el("h3", {}, label), push), inside);
}
