// What is known of one call from its events: who spoke when, the words, what else happened.

import { fields } from "../lib/text.js";

const MOST_EVENTS = 3000;
const MARKS = {
  "call.dtmf": ["key", (data) => `key ${data.digit}`],
  "call.interrupted": ["key", (data) => `interrupted by ${data.by}`],
  "call.held": ["key", (data) => `held by ${data.by}`],
  "call.resumed": ["key", () => "resumed"],
  "call.steered": ["key", (data) => `${data.by}: ${data.act} ${data.status}`],
  "call.fallback": ["fault", (data) => `fallback: ${data.step}`],
  "menu.entered": ["key", (data) => `menu ${data.menu}`],
  "menu.left": ["key", (data) => `menu ${data.menu}: ${data.to ?? data.by}`],
  "call.quality": ["fault", () => "the other side reports loss"],
  "call.transfer": ["key", (data) => `transfer to ${data.target}`],
  "engine.outage": ["fault", (data) => `engine out: ${data.cause}`],
  "engine.gone": ["fault", (data) => `engine gone: ${data.cause}`],
  "engine.silent": ["fault", () => "the model was silent"],
  "tool.called": ["key", (data) => `tool ${data.tool}`],
  "tool.failed": ["fault", (data) => `tool ${data.tool} failed`],
  "turn.unanswered": ["fault", () => "the caller got no answer"],
};
const STAGES = ["endpointing_ms", "model_ms", "tools_ms", "outage_ms", "playout_ms"];

export class Story {
  events = [];
  spans = [];
  waits = [];
  marks = [];
  words = [];
  latencies = [];
  answered = null; // milliseconds of the edge's clock
  #seen = new Set();
  #byItem = new Map();
  #zero = "";
  #history = [];
  #lines = [];

  // In any order, and any event twice.
  add(events) {
    const fresh = events.filter((one) => !this.#seen.has(one.id));
    if (!fresh.length) return false;
    for (const one of fresh) this.#seen.add(one.id);
    this.events = [...this.events, ...fresh].sort((a, b) => (a.sequence < b.sequence ? -1 : 1)).slice(-MOST_EVENTS);
    this.#told();
    return true;
  }

  // What the API keeps of a call outlasts its events.
  addHistory({ zero, spans, points }) {
    if (points.length || spans.length) this.#zero = zero;
    this.#history = spans;
    this.#told();
  }

  addLines(lines) {
    this.#lines = lines;
    this.#told();
  }

  #older() {
    const known = new Set(this.spans.map((one) => `${one.who} ${one.start_ms}`));
    for (const { who, from_ms: start_ms, until_ms: end_ms, turn, cut } of this.#history) {
      if (!known.has(`${who} ${start_ms}`)) this.spans.push({ who, turn, start_ms, end_ms, cut });
    }
    const said = new Set(this.words.map((one) => `${one.who} ${one.turn} ${one.text}`));
    for (const { who, turn, text, at } of this.#lines) {
      if (!said.has(`${who} ${turn} ${text}`)) {
        this.words.push({ who, turn, text, at_ms: this.answered === null ? 0 : Date.parse(at) - this.answered });
      }
    }
  }

  // From the beginning: a call has few events, and they may come late.
  #told() {
    Object.assign(this, { spans: [], waits: [], marks: [], words: [], latencies: [], answered: null });
    this.#byItem.clear();
    // The clock of the call begins when both sides can hear each other.
    const first = (kind) => this.events.find((one) => one.type === kind)?.time;
    const answered = Date.parse(first("call.confirmed") ?? first("call.answered") ?? this.#zero);
    this.answered = Number.isNaN(answered) ? null : answered;
    for (const event of this.events) this.#one(event);
    this.#older();
    for (const text of this.words) {
      const span = this.#byItem.get(text.item);
      if (!span) continue;
      text.at_ms = span.start_ms;
      text.cut = span.cut;
      span.text = [span.text, text.text].filter(Boolean).join(" ");
    }
    this.words.sort((a, b) => a.at_ms - b.at_ms);
  }

  #one({ type, data, time }) {
    const at_ms = this.answered === null ? 0 : Date.parse(time) - this.answered;
    if (type === "turn.caller" || type === "turn.agent") {
      const who = type.slice(5);
      const span = { who, turn: data.turn, start_ms: data.start_ms, end_ms: data.end_ms, cut: data.cut === "end" ? undefined : data.cut };
      this.spans.push(span);
      this.#byItem.set(data.item, span);
    } else if (type === "turn.latency") {
      this.latencies.push([at_ms / 1000, data.total_ms]);
      const asked = this.spans.findLast((span) => span.who === "caller" && span.turn === data.turn);
      const stages = STAGES.filter((name) => data[name]).map((name) => `${name.slice(0, -3)} ${data[name]}`).join(" + ");
      if (data.of === "caller" && asked) {
        this.waits.push({ start_ms: asked.end_ms, end_ms: asked.end_ms + data.total_ms, total_ms: data.total_ms, stages });
      }
    } else if (type === "turn.text") {
      this.words.push({ who: data.who, turn: data.turn, text: data.text, item: data.item, at_ms });
    }
    const [kind, label] = MARKS[type] ?? [];
    if (kind && this.answered !== null) this.marks.push({ at_ms, kind, label: label(data) });
  }

  get lines() {
    const begin = this.events.length ? Date.parse(this.events[0].time) : 0;
    return this.events.map((one) => ({
      at_s: (Date.parse(one.time) - begin) / 1000,
      type: one.type,
      about: one.type === "call.ended" ? ended(one.data) : fields(one.data, ["fix"]),
    }));
  }
}

// Its record has the rest, and what was counted.
function ended({ status, duration_s, end }) {
  return fields({ status, duration_s, ...end });
}
