// The edge and its parts, asked for every few seconds while somebody looks; events make it at once.

import { words } from "../lib/api.js";

const EVERY_MS = 2000;
const SHARE = 10; // of the time that goes into asking: a slow edge is asked more seldom
const PAGE = 1000;
const SLOW_EVERY = 5;
const SOON_MS = 150;
const LEAST_MS = 700; // between two rounds, however much happens

export class Watch {
  #timer = 0;
  #asking = false;
  #round = 0;
  #hurry = false;
  #over = 0;
  #missing = new Set();
  #ended = new AbortController();

  // `tell` is called with what has come: { edge, drain, … }, and `trouble` with words, or "".
  constructor(api, calls, { tell, trouble }) {
    Object.assign(this, { api, calls, tell, trouble });
    this.stats = true;
    const signal = this.#ended.signal;
    document.addEventListener("visibilitychange", () => this.#wait(0), { signal });
    this.#wait(0);
  }

  close() {
    this.#ended.abort();
    clearTimeout(this.#timer);
  }

  // Ask for everything now, as after a lost connection, or something that was done.
  soon() {
    this.#round = 0;
    if (this.#hurry) return; // it is coming: many events must not put it off
    this.#hurry = true;
    if (!this.#asking) this.#wait(Math.max(SOON_MS, this.#over + LEAST_MS - performance.now()));
  }

  #wait(ms) {
    clearTimeout(this.#timer);
    if (!this.#ended.signal.aborted) this.#timer = setTimeout(() => this.#ask(), ms);
  }

  async #ask() {
    if (document.hidden || this.#asking) return;
    this.#asking = true;
    this.#hurry = false;
    const begun = performance.now();
    try {
      await this.#all();
      this.trouble("");
    } catch (error) {
      this.trouble(words(error));
    } finally {
      this.#asking = false;
    }
    this.#over = performance.now();
    this.#wait(this.#hurry ? LEAST_MS : Math.max(EVERY_MS, SHARE * (this.#over - begun)));
  }

  async #all() {
    const slow = this.#round % SLOW_EVERY === 0;
    this.#round += 1;
    const [edge, drain] = await Promise.all([
      this.api.get("/v1/edge"),
      this.api.get("/v1/drain"),
      this.#calls(),
    ]);
    this.tell({ edge, drain });
    if (!slow) return;
    const [trunks, registrations, workers, refusals] = await Promise.all([
      this.api.get("/v1/trunks"),
      this.api.get("/v1/registrations"),
      this.api.get("/v1/workers"),
      this.api.get("/v1/refusals?limit=500"),
    ]);
    this.tell({ ...trunks, ...registrations, ...workers, refusals: refusals.refusals });
    const [config, webhooks, log] = await Promise.all([
      this.#ifThere("/v1/config"),
      this.#ifThere("/v1/webhooks"),
      this.#ifThere("/v1/log"),
    ]);
    this.tell({ config, webhooks: webhooks?.webhooks, log });
  }

  // What this edge has not is asked for once.
  async #ifThere(path) {
    if (this.#missing.has(path)) return undefined;
    const told = await this.api.getIfThere(path);
    if (told === undefined) this.#missing.add(path);
    return told;
  }

  async #calls() {
    const asked = performance.now();
    const found = [];
    let after = "";
    do {
      const include = this.stats ? "&include=stats" : "";
      const page = await this.api.get(`/v1/calls?limit=${PAGE}${include}${after}`);
      found.push(...page.calls);
      after = page.next ? `&after=${page.next}` : "";
    } while (after);
    this.calls.replace(found, asked);
  }
}
