// Trunks, and the accounts that register.

import { words } from "../lib/api.js";
import { message } from "../lib/dialogs.js";
import { el } from "../lib/dom.js";
import { dayAndTime, plain } from "../lib/text.js";
import { section } from "../parts/section.js";
import { renew, table } from "../parts/table.js";

const TONES = { registered: "good", waiting: "warn", failed: "bad", removed: "dim" };
const SERVER_TONES = { up: "good", down: "bad", unknown: "dim" };

export class TrunksView {
  #app;

  constructor(app) {
    this.#app = app;
    this.registrations = el("div", { class: "inside" });
    this.trunks = el("div", { class: "inside" });
    this.node = el(
      "main",
      {},
      el("div", { class: "scroll", tabindex: -1 }, el("div", { class: "sections" }, section("Registrations", "", this.registrations), section("Trunks", "", this.trunks))),
    );
    this.keys = [];
    this.changed();
  }

  close() {}

  focus() {
    this.node.firstChild.focus();
  }

  changed() {
    const { registrations, trunks } = this.#app.edge;
    renew(this.registrations, registrations, () => this.#registrations(registrations));
    renew(this.trunks, trunks, () => this.#trunks(trunks));
  }

  #registrations(rows) {
    const operator = this.#app.session.may("operator");
    return table(
      [
        ["Account", (one) => one.account, "nowrap"],
        ["State", (one) => el("span", { class: TONES[one.state] }, one.state), "nowrap"],
        ["Registrar", (one) => one.registrar],
        ["Since", (one) => (one.since ? dayAndTime(one.since) : ""), "nowrap"],
        ["For", (one) => (one.expires_s ? `${one.expires_s} s` : ""), "right"],
        ["Answer", (one) => (one.status ? `${one.status} ${one.reason ?? ""}` : "")],
        ["Calls", (one) => one.calls, "right"],
        ["About", (one) => [one.fix, names(one)].filter(Boolean).join(" · "), "dim"],
        ["", (one) => (operator ? this.#refresh(one.account) : ""), "right"],
      ],
      rows,
      "No accounts: this edge registers nowhere.",
    );
  }

  #refresh(account) {
    const run = async () => {
      try {
        await this.#app.session.api.post(`/v1/registrations/${encodeURIComponent(account)}/refresh`);
        message(`${account} registers`);
        this.#app.soon();
      } catch (error) {
        message(`${account}: ${words(error)}`, "failed");
      }
    };
    return el("button", { "data-act": `refresh ${account}`, "aria-label": `Register ${plain(account)} now`, on: { click: run } }, "Register now");
  }

  #trunks(rows) {
    return table(
      [
        ["Trunk", (one) => one.name, "nowrap"],
        ["Hosts", (one) => one.hosts.join(", ")],
        ["Servers", servers],
        ["Calls", (one) => one.calls, "right"],
        ["Names", names, "dim"],
      ],
      rows,
      "No trunks.",
    );
  }
}

function servers(one) {
  if (!one.servers.length) return "–";
  return el("span", {}, ...one.servers.flatMap((server, place) => {
    const more = [server.state, server.round_trip_ms == null ? "" : `${server.round_trip_ms} ms`, server.cause].filter(Boolean).join(", ");
    return [place ? " · " : "", el("span", { class: SERVER_TONES[server.state] }, `${server.uri} (${more})`)];
  }));
}

function names(one) {
  return one.names.map((name) => `${name.name} = ${name.addresses.join(", ") || "nothing"}${name.cause ? ` (${name.cause})` : ""}`).join("; ");
}
