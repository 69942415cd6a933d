// The page: signs in, keeps what is known of the edge, and shows one view of it.
//
//   EventStream ─▶ Calls, Troubles ─▶ the view's changed()      at once
//   Watch       ─▶ Calls, edge     ─▶ the view's changed()      every two seconds

import { el, setClass, setText, show } from "./lib/dom.js";
import { help, message } from "./lib/dialogs.js";
import { Keys } from "./lib/keys.js";
import { EventStream } from "./lib/stream.js";
import { plain } from "./lib/text.js";
import { Calls } from "./model/calls.js";
import { Watch } from "./model/edge.js";
import { Session } from "./model/session.js";
import { TYPES, Troubles } from "./model/troubles.js";
import { CallView } from "./views/call.js";
import { CallsView } from "./views/calls.js";
import { EdgeView } from "./views/edge.js";
import { EventsView } from "./views/events.js";
import { RefusalsView } from "./views/refusals.js";
import { signIn } from "./views/signin.js";
import { TrunksView } from "./views/trunks.js";

const KEPT_EVENTS = 2000; // of those before the page was opened
const REPLAY_MS = 1500;
const THEME = "sipua.theme";
const VIEWS = [
  ["calls", "Calls", CallsView],
  ["trunks", "Trunks", TrunksView],
  ["refusals", "Refusals", RefusalsView],
  ["events", "Events", EventsView],
  ["edge", "Edge", EdgeView],
];
const NOTHING = { edge: null, drain: null, trunks: [], registrations: [], workers: [], refusals: [] };

class App {
  session = null;
  edge = NOTHING;
  calls = new Calls(() => this.view?.changed());
  troubles = new Troubles();
  view = null;
  #keys = new Keys();
  #dropKeys = () => {};
  #stream = null;
  #watch = null;
  #replayed = 0; // until then events may be those from before
  #link = { state: "connecting", until: 0, trouble: "" };

  start() {
    theme(localStorage.getItem(THEME) ?? "");
    window.addEventListener("hashchange", () => this.#route());
    document.body.append(el("div", { id: "app" }), el("div", { id: "messages" }));
    document.getElementById("app").className = "app";
    this.#keys.add([
      { keys: ["?"], label: "These keys", run: () => help(this.#keys.rows) },
      ...VIEWS.map(([name, label], index) => ({ keys: [String(index + 1)], label, run: () => this.session && this.go(name) })),
    ]);
    const token = Session.remembered();
    if (token) this.#resume(token);
    else this.#signIn();
  }

  // --- in and out -------------------------------------------------------------------------------

  async #resume(token) {
    try {
      this.#open(await Session.open(token, (problem) => this.#denied(problem)));
    } catch (error) {
      this.#signIn(error.status === 401 ? "" : "The edge cannot be reached.");
    }
  }

  #signIn(fault = "") {
    this.#end();
    const view = signIn({ opened: (session) => this.#open(session), denied: (problem) => this.#denied(problem), fault });
    document.getElementById("app").replaceChildren(view.node);
    view.focus();
  }

  #denied(problem) {
    Session.forget();
    if (this.session) this.#signIn(`Signed out: ${problem.title || "the token is not right any more"}.`);
  }

  #end() {
    this.#stream?.close();
    this.#watch?.close();
    this.view?.close();
    this.#dropKeys();
    document.querySelectorAll("dialog").forEach((one) => one.close(""));
    Object.assign(this, { session: null, view: null, edge: NOTHING, calls: new Calls(() => this.view?.changed()), troubles: new Troubles() });
    this.#dropKeys = () => {};
  }

  #open(session) {
    this.session = session;
    this.#frame();
    this.#route();
    this.#watch = new Watch(session.api, this.calls, {
      tell: (news) => this.told(news),
      trouble: (trouble) => {
        this.#link.trouble = trouble;
        this.#linkShown();
      },
    });
    this.#stream = new EventStream(session.api, `types=${TYPES}`, {
      kept: KEPT_EVENTS,
      take: (events) => this.#take(events),
      reset: () => {
        message("Events were missed: everything is asked for anew.");
        this.soon();
      },
      state: (state, wait) => this.#linked(state, wait),
    });
  }

  // --- what happens -----------------------------------------------------------------------------

  #take(events) {
    if (performance.now() > this.#replayed) this.calls.apply(events);
    if (this.troubles.take(events)) {
      this.#tabs();
      this.view?.changed();
    }
    const asks = events.some(({ type }) => /^(edge|registration|trunk|worker|webhook|config)/.test(type) || type === "call.rejected");
    if (asks) this.soon();
  }

  told(news) {
    this.edge = { ...this.edge, ...news };
    this.#bar();
    this.view?.changed();
  }

  soon() {
    this.#watch?.soon();
  }

  #linked(state, wait) {
    const before = this.#link.state;
    Object.assign(this.#link, { state, until: performance.now() + wait });
    if (state === "live" && !this.#stream?.last) this.#replayed = performance.now() + REPLAY_MS;
    if (state === "live" && before === "lost") this.soon();
    this.#linkShown();
  }

  // --- where we are -----------------------------------------------------------------------------

  go(where) {
    const hash = `#/${where}`;
    // At once: the next key belongs to the new view.
    if (location.hash !== hash) history.pushState(null, "", hash);
    this.#route();
  }

  #route() {
    if (!this.session) return;
    const [name, id] = location.hash.replace(/^#\/?/, "").split("/");
    this.view?.close();
    this.#dropKeys();
    const found = VIEWS.find(([one]) => one === name) ?? VIEWS[0];
    this.view = name === "call" && /^[\w-]{1,64}$/.test(id ?? "") ? new CallView(this, id) : new found[2](this);
    this.#dropKeys = this.#keys.add(this.view.keys);
    this.holder.replaceChildren(this.view.node);
    this.view.focus();
    this.#tabs();
  }

  // --- the frame --------------------------------------------------------------------------------

  #frame() {
    this.facts = el("div", { class: "facts" });
    this.link = el("span", { class: "link", role: "status" });
    this.tabs = el(
      "nav",
      { "aria-label": "Views" },
      VIEWS.map(([name, label]) => {
        const count = el("span", { class: "count" });
        return el("button", { "data-view": name, on: { click: () => this.go(name) } }, `${label} `, count);
      }),
    );
    this.notice = el("div", { class: "notice", role: "status", hidden: true });
    this.holder = el("div", { class: "holder" });
    const bar = el(
      "header",
      { class: "bar" },
      el("h1", {}, "sipua"),
      this.facts,
      el(
        "div",
        { class: "me" },
        this.link,
        el("span", { title: "The token, and its right" }, `${plain(this.session.name, 40)} (${this.session.right})`),
        el("button", { "aria-label": "Dark or light", title: "Dark or light", on: { click: () => theme(nextTheme()) } }, "◐"),
        el("button", { "aria-label": "Keys", title: "Keys", on: { click: () => help(this.#keys.rows) } }, "?"),
        el("button", { on: { click: () => this.#out() } }, "Sign out"),
      ),
    );
    document.getElementById("app").replaceChildren(bar, this.tabs, this.notice, this.holder);
    this.#bar();
  }

  #out() {
    Session.forget();
    this.#signIn();
  }

  #bar() {
    if (!this.session) return;
    const { edge, drain, registrations, workers, config } = this.edge;
    const out = registrations.filter((one) => one.state !== "registered").length;
    const down = workers.filter((one) => !one.ready).length;
    const facts = edge
      ? [
          ["", edge.node, ""],
          ["", edge.version, "dim"],
          ["calls", `${edge.calls} / ${edge.max_calls}`, edge.calls >= edge.max_calls ? "bad" : ""],
          ["registered", `${registrations.length - out} / ${registrations.length}`, out ? "bad" : "", registrations.length],
          ["workers", `${workers.length - down} / ${workers.length}`, down ? "bad" : "", workers.length],
          ["config", config?.hash, "", config?.hash],
        ]
      : [];
    const mark = JSON.stringify(facts);
    if (this.facts.dataset.mark !== mark) {
      this.facts.dataset.mark = mark;
      this.facts.replaceChildren(
        ...facts.filter((one) => one[3] !== 0 && one[1]).map(([label, text, tone]) => el("span", {}, label ? `${label} ` : "", el("b", { class: tone }, plain(text, 60)))),
      );
    }
    show(this.notice, Boolean(drain?.draining));
    setClass(this.notice, "notice warn");
    setText(this.notice, drain?.draining ? `Draining: no new calls are taken. ${drain.calls} ${drain.calls === 1 ? "call is" : "calls are"} left${drain.stopping ? "; the process ends with the last one" : ""}.` : "");
    document.title = edge ? `${edge.calls} · ${plain(edge.node, 40)} · sipua` : "sipua";
    this.#tabs();
    this.#linkShown();
  }

  #tabs() {
    const { edge, registrations } = this.edge;
    const out = registrations.filter((one) => ["failed", "waiting"].includes(one.state)).length;
    const counts = {
      calls: [edge ? String(edge.calls) : "", ""],
      trunks: [out ? `${out} out` : "", "bad"],
      refusals: [edge?.refused ? String(edge.refused) : "", ""],
      events: [this.troubles.unseen ? `${this.troubles.unseen} new` : "", "bad"],
    };
    const now = location.hash.replace(/^#\/?/, "").split("/")[0] || "calls";
    for (const tab of this.tabs.children) {
      const name = tab.dataset.view;
      const [text, tone] = counts[name] ?? ["", ""];
      setText(tab.lastChild, text);
      setClass(tab.lastChild, `count ${tone}`);
      if (name === (now === "call" ? "calls" : now)) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  }

  #linkShown() {
    if (!this.session) return;
    const { state, until, trouble } = this.#link;
    const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    const lost = state === "lost" || trouble;
    setClass(this.link, `link ${lost ? "lost" : state}`);
    setText(this.link, state === "lost" ? `lost${seconds ? `, again in ${seconds} s` : ""}` : trouble || state);
  }
}

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  localStorage.setItem(THEME, name);
}

function nextTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  return now === "dark" ? "light" : "dark";
}

new App().start();
