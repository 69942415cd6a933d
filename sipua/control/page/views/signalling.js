// The SIP messages of one call.

import { el, show } from "../lib/dom.js";
import { plain } from "../lib/text.js";
import { ladder } from "../parts/ladder.js";
import { section } from "../parts/section.js";

const EVERY_MS = 3000;

export class SignallingSection {
  #app;
  #id;
  #timer;
  #chosen = -1;
  #messages = [];
  #mark = "";
  #observer;

  constructor(app, id) {
    this.#app = app;
    this.#id = id;
    this.inside = el("div", { class: "inside tall" });
    this.text = el("pre", { class: "text", tabindex: 0, "aria-label": "The message", hidden: true });
    this.node = section("Signalling", "", el("div", {}, this.inside, this.text));
    this.node.hidden = true;
    this.#timer = setInterval(() => this.load(), EVERY_MS);
    this.#observer = new ResizeObserver(() => this.#draw());
    this.#observer.observe(this.inside);
    this.load();
  }

  close() {
    clearInterval(this.#timer);
    this.#observer.disconnect();
  }

  async load() {
    try {
      const told = await this.#app.session.api.getIfThere(`/v1/calls/${this.#id}/sip`);
      if (!told) {
        clearInterval(this.#timer);
        return;
      }
      show(this.node, true);
      const mark = `${told.missed} ${told.messages.length}`;
      if (mark === this.#mark) return;
      this.#mark = mark;
      this.#messages = messages(told.messages);
      this.#draw();
    } catch {
      // The bar says that the edge does not answer.
    }
  }

  #draw() {
    const width = this.inside.clientWidth - 20;
    if (width < 100) return;
    if (!this.#messages.length) {
      this.inside.replaceChildren(el("p", { class: "dim" }, "No message is kept."));
      return;
    }
    this.inside.replaceChildren(
      ladder(this.#messages, { width, chosen: this.#chosen, choose: (index) => this.#choose(index) }),
    );
  }

  #choose(index) {
    this.#chosen = this.#chosen === index ? -1 : index;
    const one = this.#messages[this.#chosen];
    show(this.text, Boolean(one));
    this.text.textContent = one ? plain((one.text ?? "").replaceAll("\r\n", "\n"), 70_000) : "";
    this.#draw();
    this.inside.querySelectorAll(".rung")[index]?.focus();
  }
}

function messages(told) {
  const begin = Date.parse(told[0]?.at);
  const seen = new Set();
  return told.map((one) => {
    const mark = `${one.direction} ${one.text}`;
    const again = seen.has(mark);
    seen.add(mark);
    return { ...one, sent: one.direction === "sent", at_s: (Date.parse(one.at) - begin) / 1000, again, sdp: /\r?\nv=0\r?\n/.test(one.text ?? "") };
  });
}
