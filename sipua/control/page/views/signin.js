// The first thing that is seen: which token?

import { Problem, words } from "../lib/api.js";
import { el, setText } from "../lib/dom.js";
import { Session } from "../model/session.js";

const SAYS = {
  "wrong-token": "No token is like it.",
  "no-token": "No token is like it.",
  "no-right": "This token may not look at the edge.",
};

export function signIn({ opened, denied, fault = "" }) {
  const told = el("p", { class: "fault", role: "alert" }, fault);
  const input = el("input", { type: "password", id: "token", required: true, autocomplete: "current-password", spellcheck: "false", autocapitalize: "off" });
  const button = el("button", { class: "primary" }, "Sign in");
  const form = el(
    "form",
    { method: "post", on: { submit } }, // never sent: the policy forbids it, and its field has no name
    el("label", {}, "Token", input),
    told,
    button,
  );
  const node = el(
    "main",
    {},
    el(
      "div",
      { class: "signin" },
      el("h1", {}, "sipua"),
      el("p", { class: "dim" }, "A token of [[api.tokens]]. It stays in this tab, until the tab is closed."),
      form,
    ),
  );

  async function submit(event) {
    event.preventDefault();
    const token = input.value.trim();
    if (!/^[\x21-\x7e]+$/.test(token)) {
      setText(told, "A token has no blanks, and letters of ASCII only.");
      return;
    }
    button.disabled = true;
    setText(told, "");
    try {
      opened(await Session.open(token, denied));
    } catch (error) {
      setText(told, (error instanceof Problem && SAYS[error.kind]) || words(error));
      input.select();
    } finally {
      button.disabled = false;
    }
  }

  return { node, focus: () => input.focus() };
}
