// The edge itself: how it is, its workers, configuration and webhooks, and draining.

import { words } from "../lib/api.js";
import { ask, message } from "../lib/dialogs.js";
import { el } from "../lib/dom.js";
import { dayAndTime, duration, plain } from "../lib/text.js";
import { section } from "../parts/section.js";
import { renew, table } from "../parts/table.js";

const HOOK_TONES = { ok: "good", failing: "warn", disabled: "bad", off: "dim", removed: "dim" };
const PLAN = { applied: "at once", for_new_calls: "for new calls", needs_restart: "after a restart" };
const LEVELS = ["debug", "info", "warning", "error"];

export class EdgeView {
  #app;

  constructor(app) {
    this.#app = app;
    const inside = () => el("div", { class: "inside" });
    Object.assign(this, { facts: inside(), drain: inside(), workers: inside(), config: inside(), webhooks: inside() });
    this.configSection = section("Configuration", "half", this.config);
    this.configSection.hidden = true;
    this.webhookSection = section("Webhooks", "", this.webhooks);
    this.node = el(
      "main",
      {},
      el(
        "div",
        { class: "scroll", tabindex: -1 },
        el("div", { class: "sections" }, section("Edge", "half", this.facts), section("Drain", "half", this.drain), section("Workers", "half", this.workers), this.configSection, this.webhookSection),
      ),
    );
    this.keys = app.session.may("admin") ? [{ keys: ["D"], label: "Drain, or take it back", run: () => this.#drain() }] : [];
    this.changed();
  }

  close() {}

  focus() {
    this.node.firstChild.focus();
  }

  changed() {
    const { edge, drain, workers, config, webhooks, log } = this.#app.edge;
    const version = [edge?.node, edge?.version];
    renew(this.facts, [edge, log, ...version], () => this.#facts(edge, log));
    renew(this.drain, drain, () => this.#drained(drain));
    renew(this.workers, workers, () => workerTable(workers));
    this.configSection.hidden = !config;
    if (config) renew(this.config, config, () => this.#configuration(config));
    this.webhookSection.hidden = !webhooks?.length;
    if (webhooks?.length) renew(this.webhooks, webhooks, () => this.#webhooks(webhooks));
  }

  #facts(edge, log) {
    if (!edge) return el("p", { class: "dim" }, "Not known yet.");
    const denied = Object.entries(edge.denied ?? {}).map(([kind, count]) => `${kind.replace("urn:sipua:problem:", "")} ${count}`);
    return factList([
      ["Name", edge.node],
      ["Version", edge.version],
      ["Run", edge.boot],
      ["Up for", duration(edge.up_s)],
      ["Calls", `${edge.calls} of at most ${edge.max_calls}`],
      ["Refused INVITEs", edge.refused],
      ["Denied requests", denied.join(", ") || "none"],
      ["Log", log ? this.#level(log.level) : ""],
    ]);
  }

  #level(level) {
    if (!this.#app.session.may("admin")) return level;
    const change = async (event) => {
      try {
        await this.#app.session.api.ask("PUT", "/v1/log", { level: event.target.value });
        message(`Level of the log: ${event.target.value}`);
      } catch (error) {
        message(words(error), "failed");
      }
      this.#app.soon();
    };
    const select = el("select", { "aria-label": "Level of the log", "data-act": "level", on: { change } }, LEVELS.map((one) => el("option", { value: one }, one)));
    select.value = level;
    return select;
  }

  #drained(drain) {
    if (!drain) return el("p", { class: "dim" }, "Not known yet.");
    const admin = this.#app.session.may("admin");
    const label = drain.draining ? "Take calls again" : "Drain …";
    return el(
      "div",
      {},
      factList([
        ["State", drain.stopping ? "the process ends with its last call" : drain.draining ? "draining: no new calls" : "takes calls", drain.draining ? "warn" : "good"],
        ["Calls left", drain.calls],
        ["Oldest", drain.calls ? duration(drain.oldest_s) : "–"],
        ["Hung up in", Number.isFinite(drain.left_s) ? duration(drain.left_s) : "–"],
      ]),
      admin && !drain.stopping
        ? el("p", { class: "after" }, el("button", { class: drain.draining ? "primary" : "danger", "data-act": "drain", on: { click: () => this.#drain() } }, label, el("kbd", {}, "D")))
        : null,
    );
  }

  async #drain() {
    const drain = this.#app.edge.drain;
    if (drain?.draining) {
      await this.#order("DELETE", undefined, "Calls are taken again");
      return;
    }
    const values = await ask({
      title: "Drain this edge?",
      about: "New calls are refused with 503. Calls that are up go on. It can be taken back, unless the process is to end.",
      fields: [
        { name: "timeout_s", label: "Hang up what is left after so many seconds (empty: never)", kind: "number" },
        { name: "stop", label: "End the process with its last call", kind: "flag" },
      ],
      act: "Drain",
      danger: true,
    });
    if (values) await this.#order("POST", values, "Draining");
  }

  #configuration(config) {
    const found = changes(config.plan);
    return el(
      "div",
      {},
      factList([
        ["Hash", config.hash],
        ["In force since", dayAndTime(config.loaded_at)],
        ["Generation", config.generation],
        ["File", config.file],
      ]),
      el(
        "div",
        { class: "after" },
        table(
          [
            ["Last reload", (one) => one.key],
            ["Old", (one) => one.old ?? "–"],
            ["New", (one) => one.new ?? "–"],
            ["Counts", (one) => el("span", { class: one.label === PLAN.needs_restart ? "warn" : "" }, one.label), "nowrap"],
          ],
          found,
          "The last reload changed nothing, or there was none.",
        ),
      ),
      this.#app.session.may("admin")
        ? el("p", { class: "after" }, el("button", { "data-act": "reload", on: { click: () => this.#reload() } }, "Reload …"))
        : null,
    );
  }

  // First what would change: nobody reloads unseen.
  async #reload() {
    const api = this.#app.session.api;
    try {
      const would = await api.post("/v1/config/reload", { check: true });
      const found = changes(would.plan).map((one) => `${one.label}: ${one.key} = ${one.new ?? "–"} (was ${one.old ?? "–"})`);
      const warnings = would.warnings.map((one) => `${one.key}: ${one.problem}`);
      const sure = await ask({
        title: found.length ? "Reload the configuration?" : "Nothing has changed. Reload all the same?",
        about: [...found, ...warnings].join("\n"),
        act: "Reload",
      });
      if (!sure) return;
      const done = await api.post("/v1/config/reload");
      this.#app.told({ config: done });
      message(`Reloaded: ${done.hash}`);
    } catch (error) {
      message(`Reload: ${words(error)}`, "failed");
    }
    this.#app.soon();
  }

  #webhooks(webhooks) {
    const operator = this.#app.session.may("operator");
    return table(
      [
        ["Webhook", (one) => one.name, "nowrap"],
        ["State", (one) => el("span", { class: HOOK_TONES[one.state] }, one.state), "nowrap"],
        ["Waiting", (one) => one.waiting, "right"],
        ["Since", (one) => (one.oldest ? dayAndTime(one.oldest) : ""), "nowrap"],
        ["Next attempt", (one) => (one.next ? dayAndTime(one.next) : ""), "nowrap"],
        ["Dead letters", (one) => el("span", { class: one.dead ? "bad" : "" }, String(one.dead)), "right"],
        ["To", (one) => one.origin],
        ["Types", (one) => one.types.join(" ")],
        ["Cause", (one) => one.cause, "dim"],
        ["", (one) => (operator ? this.#webhookAct(one) : ""), "right"],
      ],
      webhooks,
      "No webhooks.",
    );
  }

  #webhookAct({ name, dead, state }) {
    const [act, label, body] = state === "disabled" && this.#app.session.may("admin") ? ["enable", "Enable"] : dead ? ["redeliver", "Send again", { ids: "all" }] : [];
    if (!act) return "";
    const run = async () => {
      try {
        await this.#app.session.api.ask("POST", `/v1/webhooks/${encodeURIComponent(name)}/${act}`, body);
        message(`${name}: ${label}`);
      } catch (error) {
        message(`${name}: ${words(error)}`, "failed");
      }
      this.#app.soon();
    };
    return el("button", { "data-act": `${act} ${name}`, "aria-label": `${label}: ${plain(name)}`, on: { click: run } }, label);
  }

  async #order(method, body, done) {
    try {
      this.#app.told({ drain: await this.#app.session.api.ask(method, "/v1/drain", body) });
      message(done);
    } catch (error) {
      message(`Drain: ${words(error)}`, "failed");
    }
    this.#app.soon();
  }
}

function factList(facts) {
  return el(
    "dl",
    { class: "facts-list" },
    facts
      .filter(([, value]) => value !== "" && value !== undefined && value !== null)
      .map(([label, value, tone]) =>
        el("div", {}, el("dt", {}, plain(label, 60)), el("dd", { class: tone ?? "" }, value instanceof Node ? value : plain(value, 400)))),
  );
}

function changes(plan) {
  return Object.entries(PLAN).flatMap(([when, label]) => (plan[when] ?? []).map((one) => ({ ...one, label })));
}

function workerTable(workers) {
  return table(
    [
      ["Worker", (one) => one.worker, "right"],
      ["State", (one) => el("span", { class: one.ready ? "good" : "bad" }, one.ready ? "ready" : "down"), "nowrap"],
      ["Process", (one) => one.pid ?? "", "right"],
      ["Calls", (one) => one.calls, "right"],
      ["Since", (one) => (one.since ? dayAndTime(one.since) : ""), "nowrap"],
      ["Deaths", (one) => el("span", { class: one.deaths ? "warn" : "" }, String(one.deaths)), "right"],
      ["Last cause", (one) => one.cause ?? "", "dim"],
    ],
    workers,
    "No worker is known yet.",
  );
}

