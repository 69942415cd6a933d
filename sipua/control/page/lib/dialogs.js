// Questions, forms and short messages.

import { el } from "./dom.js";
import { plain } from "./text.js";

const SHOWN_MS = 6000;

// Resolves to the values of the fields, or null. A field is { name, label, kind, value, ... }: kind is
// "text" (default), "lines", "number", "flag" or "choice". `first`: "act" has the focus on its button.
export function ask({ title, about = "", fields = [], act, danger = false, first = "" }) {
  return new Promise((resolve) => {
    const inputs = fields.map((field) => [field, input(field)]);
    const go = el("button", { class: danger ? "danger" : "primary", value: "go" }, act);
    const back = el("button", { type: "button", value: "", on: { click: () => dialog.close("") } }, "Back");
    const form = el(
      "form",
      { method: "dialog", on: { submit: submitted } },
      el("h2", { id: "dialog-title" }, title),
      about ? el("p", { class: "about" }, plain(about)) : null,
      inputs.map(([field, node]) => labelled(field, node)),
      el("div", { class: "buttons" }, go, back),
    );
    const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, form);

    function submitted(event) {
      event.preventDefault(); // the policy forbids to send a form anywhere
      dialog.close("go");
    }

    dialog.addEventListener("close", () => {
      const values = Object.fromEntries(inputs.map(([field, node]) => [field.name, value(field, node)]));
      dialog.remove();
      resolve(dialog.returnValue === "go" ? values : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    (first === "act" ? go : (inputs[0]?.[1] ?? go)).focus();
  });
}

function input(field) {
  const common = { id: `field-${field.name}`, autocomplete: "off" };
  switch (field.kind) {
    case "lines":
      return el("textarea", { ...common, rows: 3, required: field.required, maxlength: field.longest, value: field.value ?? "" });
    case "flag":
      return el("input", { ...common, type: "checkbox", checked: field.value ?? false });
    case "choice":
      return el("select", common, field.choices.map((one) => el("option", { value: one }, one)));
    default:
      return el("input", {
        ...common,
        type: field.kind === "number" ? "number" : "text",
        spellcheck: "false",
        required: field.required,
        pattern: field.pattern,
        placeholder: field.placeholder,
        maxlength: field.longest,
        min: field.kind === "number" ? 0 : undefined,
        value: field.value ?? "",
      });
  }
}

function value(field, node) {
  if (field.kind === "flag") return node.checked;
  if (field.kind === "number") return node.value === "" ? null : Number(node.value);
  return node.value.trim();
}

function labelled(field, node) {
  const words = el("span", {}, field.label);
  return el("label", { class: field.kind === "flag" ? "flag" : "" }, ...(field.kind === "flag" ? [node, words] : [words, node]));
}

export function message(text, kind = "done") {
  const box = document.getElementById("messages");
  if (!box) return;
  const node = el("div", { class: `message ${kind}`, role: kind === "failed" ? "alert" : "status" }, plain(text));
  box.append(node);
  while (box.children.length > 4) box.firstChild.remove();
  setTimeout(() => node.remove(), SHOWN_MS);
}

export function help(rows) {
  const dialog = el(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    el("h2", { id: "help-title" }, "Keys"),
    el(
      "dl",
      {},
      rows.filter((row) => row.label).map((row) => [
        el("dt", {}, row.keys.filter((key) => !key.startsWith("Arrow")).map((key) => el("kbd", {}, key))),
        el("dd", {}, row.label),
      ]),
    ),
    el("h2", {}, "Filter of calls"),
    el("p", { class: "about" }, "Words are looked for in all texts of a call, and each must be there. A column with a figure: age>60, wait>1500, jitter>30, loss>1. A column with a text: route:sales."),
    el("div", { class: "buttons" }, el("button", { on: { click: () => dialog.close() } }, "Back")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
