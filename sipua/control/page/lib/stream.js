// Server-sent events by fetch: an EventSource cannot send the token as a header.

import { Problem, address } from "./api.js";

const SILENT_MS = 40_000; // the edge gives a sign of life every 15 s
const LONGEST = 4_000_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000];

// Lines in, events out; no I/O.
export class EventParser {
  #rest = "";
  #event = {};

  *feed(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    if (this.#rest.length > LONGEST) throw new RangeError("a line without an end");
    for (const line of lines) {
      if (line === "" || line === "\r") {
        if (this.#event.data !== undefined) yield this.#event;
        this.#event = {};
      } else if (!line.startsWith(":")) {
        this.#field(line.endsWith("\r") ? line.slice(0, -1) : line);
      }
    }
  }

  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data" && this.#event.data !== undefined) this.#event.data += `\n${value}`;
    else if (["id", "event", "data"].includes(name)) this.#event[name] = value;
  }
}

export class EventStream {
  #ended = new AbortController();
  #attempt = null;
  #timer = 0;
  #failures = 0;

  // `take` gets a batch of CloudEvents; `reset` is called when some were missed; `state` gets
  // "connecting", "live" or "lost", and in how many milliseconds it is tried again.
  constructor(api, query, { take, reset, state, kept = 0 }) {
    Object.assign(this, { api, query, take, reset, state, kept });
    this.last = "";
    const signal = this.#ended.signal;
    window.addEventListener("online", () => this.#again(0), { signal });
    this.#run();
  }

  close() {
    this.#ended.abort();
    this.#attempt?.abort();
    clearTimeout(this.#timer);
  }

  async #run() {
    this.state("connecting", 0);
    const attempt = (this.#attempt = new AbortController());
    try {
      await this.#follow(attempt);
      this.#failures = Math.min(this.#failures, 1); // it has ended as it should: the edge stops
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return; // the session is over
      if (error instanceof Problem && error.status < 500 && error.status !== 429) {
        this.#failures = RETRY_MS.length;
      }
    } finally {
      attempt.abort();
    }
    if (this.#ended.signal.aborted) return;
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    this.#again(wait * (0.75 + Math.random() / 2));
  }

  #again(wait) {
    if (this.#attempt && !this.#attempt.signal.aborted) return; // it runs
    clearTimeout(this.#timer);
    this.state("lost", wait);
    this.#timer = setTimeout(() => this.#run(), wait);
  }

  async #follow(attempt) {
    const more = this.last ? { "Last-Event-ID": this.last } : {};
    const kept = this.last || !this.kept ? "" : `&kept=${this.kept}`;
    const answer = await fetch(address(`v1/events?${this.query}${kept}`), {
      headers: this.api.headers(more),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: attempt.signal,
    });
    if (!answer.ok) throw await this.api.problem(answer);
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser();
    let alive = 0;
    const watch = () => {
      clearTimeout(alive);
      alive = setTimeout(() => attempt.abort(), SILENT_MS);
    };
    try {
      watch();
      this.state("live", 0);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        watch();
        this.#failures = 0;
        this.#taken([...parser.feed(decoder.decode(value, { stream: true }))]);
      }
    } finally {
      clearTimeout(alive);
    }
  }

  #taken(frames) {
    let batch = [];
    for (const { id, event, data } of frames) {
      if (id) this.last = id;
      if (event === "reset") {
        batch = []; // what is asked for anew is newer
        this.reset();
      } else {
        batch.push(JSON.parse(data));
      }
    }
    if (batch.length) this.take(batch);
  }
}
