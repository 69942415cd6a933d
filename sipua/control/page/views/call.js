// One call: its picture, words, figures, signalling, events, and its record after the end.

import { Problem, words } from "../lib/api.js";
import { el, setText } from "../lib/dom.js";
import { message } from "../lib/dialogs.js";
import { EventStream } from "../lib/stream.js";
import { callerFacts, dayAndTime, duration, number, party, plain } from "../lib/text.js";
import { age } from "../model/calls.js";
import { judged } from "../model/figures.js";
import { Story } from "../model/story.js";
import { section } from "../parts/section.js";
import { timeline } from "../parts/timeline.js";
import * as acts from "./acts.js";
import { endOf, stateOf, toneOf } from "./columns.js";
import { QualitySection } from "./quality.js";
import { RecordSection } from "./record.js";
import { SignallingSection } from "./signalling.js";

const EVERY_MS = 250;
const WINDOWS = [["1 min", 60], ["5 min", 300], ["All", Infinity]];
const MOST_LINES = 400;


export class CallView {
  #app;
  #id;
  #stream = null;
  #timer = 0;
  #closed = false;
  #window = 60;
  #story = new Story();
  #observer;
  #clock = 0;

  constructor(app, id) {
    this.#app = app;
    this.#id = id;
    this.title = el("h2", {}, plain(id));
    this.state = el("span", { class: "state" });
    this.acts = el("div", { class: "acts" });
    this.facts = el("dl", { class: "facts-list" });
    this.picture = el("div", { class: "inside" });
    this.words = el("div", { class: "words", role: "log", "aria-label": "Words" });
    this.events = el("tbody");
    this.quality = new QualitySection(app, id, this.#story);
    this.signalling = new SignallingSection(app, id);
    this.record = new RecordSection(app, id);
    this.chips = el(
      "span",
      { class: "chips push", role: "group", "aria-label": "How much of the call" },
      WINDOWS.map(([label, seconds]) =>
        el("button", { "data-seconds": seconds, "aria-pressed": seconds === this.#window, on: { click: () => this.#look(seconds) } }, label)),
    );
    this.node = el(
      "main",
      {},
      el(
        "div",
        { class: "who" },
        el("button", { "aria-label": "Back to the calls", on: { click: () => app.go("calls") } }, "←", el("kbd", {}, "Esc")),
        this.title,
        this.state,
        this.acts,
      ),
      el(
        "div",
        { class: "scroll", tabindex: -1 },
        el(
          "div",
          { class: "sections" },
          el("section", { class: "section" }, el("div", { class: "inside" }, this.facts)),
          section("Who spoke", "", this.picture, this.chips),
          el("div", { class: "stack" }, section("Words", "", el("div", { class: "inside tall" }, this.words)), this.signalling.node),
          el("div", { class: "stack" }, this.quality.node, section("Events", "", el("div", { class: "inside tall" }, el("table", {}, this.events)))),
          this.record.node,
        ),
      ),
    );
    this.#observer = new ResizeObserver(() => this.#draw());
    this.#observer.observe(this.picture);
    this.keys = this.#keys();
    this.#begin();
    this.#clock = setInterval(() => this.#head(), 1000);
  }

  close() {
    this.#closed = true;
    this.#stream?.close();
    this.#observer.disconnect();
    clearTimeout(this.#timer);
    clearInterval(this.#clock);
    this.quality.close();
    this.signalling.close();
  }

  get call() {
    return this.#app.calls.get(this.#id);
  }

  focus() {
    this.node.querySelector(".scroll").focus();
  }

  changed() {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#draw();
    }, EVERY_MS);
  }

  #keys() {
    const session = this.#app.session;
    const rows = [{ keys: ["Escape"], label: "Back to the calls", run: () => this.#app.go("calls") }];
    if (!session.may("operator")) return rows;
    const act = (key, label, run) => rows.push({ keys: [key], label, run: () => run(this.#app, this.call), act: true });
    act("x", "Hang up", acts.hangUp);
    act("s", "Say", acts.say);
    act("i", "Tell the model", acts.inject);
    act("t", "Transfer", acts.transfer);
    act("d", "Keys", acts.keysTo);
    act("h", "Hold", acts.hold);
    act("m", "Mute agent", (app, call) => acts.mute(app, call, "agent"));
    act("M", "Mute caller", (app, call) => acts.mute(app, call, "caller"));
    return rows;
  }

  // --- what is known --------------------------------------------------------------------------

  async #begin() {
    // First what comes, then what was: nothing is missed between the two.
    this.#stream = new EventStream(this.#app.session.api, `call=${encodeURIComponent(this.#id)}`, {
      take: (events) => this.#take(events),
      reset: () => this.#events(),
      state: () => {},
    });
    await Promise.all([this.#show(), this.#events(), this.#said()]);
  }

  // Words are private: a reader without the right gets those of events, as far as these have them.
  async #said() {
    if (!this.#app.session.may("operator")) return;
    try {
      const told = await this.#app.session.api.getIfThere(`/v1/calls/${this.#id}/transcript`);
      if (told) this.#story.addLines(told.lines);
    } catch {
      // The bar says that the edge does not answer.
    }
    this.changed();
  }

  async #show() {
    const asked = performance.now();
    try {
      const call = await this.#app.session.api.get(`/v1/calls/${this.#id}?include=stats`);
      this.#app.calls.put(call, asked);
    } catch (error) {
      if (!(error instanceof Problem && error.status === 404)) message(words(error), "failed");
    }
    this.#draw();
    if (!this.call || this.call.state === "ended") this.#ended();
  }

  async #events() {
    try {
      const { events } = await this.#app.session.api.get(`/v1/calls/${this.#id}/events`);
      this.#take(events);
    } catch {
      // The call is not known any more: its record is what there is.
    }
  }

  #take(events) {
    if (this.#closed || !this.#story.add(events)) return;
    if (events.some((one) => one.type === "call.ended")) this.#show();
    this.changed();
  }

  #ended() {
    this.#stream?.close();
    this.record.load();
    this.signalling.load();
    this.quality.load();
  }

  // --- how it is shown ------------------------------------------------------------------------

  #draw() {
    if (this.#closed) return;
    this.#head();
    this.#facts();
    this.#picture();
    this.#words();
    this.#lines();
    this.quality.draw();
  }

  #head() {
    const call = this.call;
    if (!call) {
      setText(this.state, "not known any more");
      return;
    }
    setText(this.title, acts.title(call));
    this.state.className = toneOf(call);
    setText(this.state, `${stateOf(call)} ${duration(age(call))}`);
    const offered = call.state === "ended" ? [] : this.keys.filter((row) => row.act);
    const labels = offered.map((row) => this.#label(row, call));
    if (this.acts.dataset.labels === labels.join()) return;
    this.acts.dataset.labels = labels.join();
    this.acts.replaceChildren(
      ...offered.map((row, index) =>
        el("button", { class: row.keys[0] === "x" ? "danger" : "", on: { click: row.run } }, labels[index], el("kbd", {}, row.keys[0]))),
    );
  }

  #label(row, call) {
    if (row.keys[0] === "h" && call.held) return "Resume";
    if (row.keys[0] === "m" && call.muted.includes("agent")) return "Unmute agent";
    if (row.keys[0] === "M" && call.muted.includes("caller")) return "Unmute caller";
    return row.label;
  }

  #facts() {
    const call = this.call;
    if (!call) return;
    const engine = call.engine ? `${call.engine}${call.engine_up || call.state === "ended" ? "" : " (out)"}` : "";
    const transfer = call.transfer;
    const facts = [
      ["Call", call.id],
      ["From", party(call.from)],
      ["Caller", callerFacts(call.caller)],
      ["To", party(call.to)],
      ["Dialled", call.called],
      ["Direction", call.by ? `${call.direction}, by ${call.by}` : call.direction],
      ["Trunk or account", call.origin],
      ["Route", call.route],
      ["Began", dayAndTime(call.created_at)],
      ["Answered", call.answered_at ? dayAndTime(call.answered_at) : ""],
      ["Engine", engine],
      ["Last answer", Number.isFinite(call.last_latency_ms) ? `${number(call.last_latency_ms)} ms` : "", judged("wait", call.last_latency_ms)],
      ["Turns", String(call.turns ?? "")],
      ["Codec", call.media?.codec],
      ["Media", call.media ? `${call.media.remote} ${call.media.direction}` : ""],
      ["Signalling from", call.source],
      ["SIP Call-ID", call.sip_call_id],
      ["Worker", String(call.worker ?? "")],
      ["Configuration", call.config],
      ["Transfer", transfer ? `${transfer.target}: ${transfer.state}${transfer.status ? ` ${transfer.status} ${transfer.reason ?? ""}` : ""}` : ""],
      ["End", endOf(call), call.end?.fault ? "bad" : ""],
      ["Why", [call.end?.detail, call.end?.sip ? `SIP ${call.end.sip.status} ${call.end.sip.reason}` : ""].filter(Boolean).join(" · ")],
      ...Object.entries(call.metadata ?? {}),
    ].filter(([, text]) => text);
    this.facts.replaceChildren(
      ...facts.map(([label, text, tone]) => el("div", {}, el("dt", {}, plain(label, 64)), el("dd", { class: tone ?? "" }, plain(text)))),
    );
  }

  #look(seconds) {
    this.#window = seconds;
    for (const chip of this.chips.children) chip.setAttribute("aria-pressed", chip.dataset.seconds === String(seconds));
    this.#picture();
  }

  #picture() {
    const width = this.picture.clientWidth - 20;
    if (width < 100) return;
    const story = this.#story;
    if (story.answered === null) {
      this.picture.replaceChildren(el("p", { class: "none dim" }, "Not answered yet."));
      return;
    }
    const last = Math.max(0, ...story.spans.map((one) => one.end_ms), ...story.marks.map((one) => one.at_ms));
    const call = this.call;
    const now = call && call.state !== "ended" ? (age(call) - ringing(call)) * 1000 : last;
    const to_ms = Math.max(last, now, 10_000);
    const from_ms = Math.max(0, to_ms - this.#window * 1000);
    this.picture.replaceChildren(timeline(story, { from_ms, to_ms, width }));
  }

  #words() {
    const known = this.#story.words;
    const mark = `${known.length} ${known.at(-1)?.text.length ?? 0} ${known.filter((one) => one.cut).length}`;
    if (this.words.dataset.mark === mark) return;
    this.words.dataset.mark = mark;
    const holder = this.words.parentElement;
    const atEnd = holder.scrollHeight - holder.scrollTop - holder.clientHeight < 40;
    this.words.replaceChildren(
      ...(known.length
        ? known.slice(-MOST_LINES).map((one) =>
            el(
              "div",
              { class: one.who === "caller" ? "caller" : "agent" },
              el("time", {}, duration(one.at_ms / 1000)),
              el("span", { class: "side" }, plain(one.who, 20)),
              el("span", { class: "said" }, `${plain(one.text)}${one.cut ? " —" : ""}`),
            ))
        : [el("p", { class: "none dim" }, "No words: none were said yet, or record.transcripts or engine.transcription is off.")]),
    );
    if (atEnd) holder.scrollTop = holder.scrollHeight;
  }

  #lines() {
    const lines = this.#story.lines.slice(-MOST_LINES);
    const mark = `${lines.length} ${lines.at(-1)?.at_s}`;
    if (this.events.dataset.mark === mark) return;
    this.events.dataset.mark = mark;
    const holder = this.events.closest(".inside");
    const atEnd = holder.scrollHeight - holder.scrollTop - holder.clientHeight < 40;
    this.events.replaceChildren(
      ...lines.map((one) =>
        el("tr", {}, el("td", { class: "right nowrap dim" }, `+${one.at_s.toFixed(3)}`), el("td", { class: "nowrap" }, one.type), el("td", { class: "dim" }, plain(one.about, 600)))),
    );
    if (atEnd) holder.scrollTop = holder.scrollHeight;
  }
}

function ringing(call) {
  const rang = Date.parse(call.answered_at) - Date.parse(call.created_at);
  return Number.isFinite(rang) ? rang / 1000 : 0;
}
