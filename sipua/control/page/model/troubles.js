// The last events that somebody should see: what failed, and whose fault it was.

const MOST = 500;
const ERRORS = new Set([
  "edge.signalling_lost", "engine.gone", "registration.failed", "worker.died", "workers.hopeless",
  "trunk.down", "webhook.disabled", "webhook.dead_letter", "webhook.dropped", "config.refused",
]);
const WARNINGS = new Set([
  "edge.warning", "edge.draining", "registration.waiting", "trunk.unresolved", "events.lost", "webhook.failing",
  "engine.outage", "engine.silent", "engine.rate_limit", "call.fallback", "call.attempt_failed", "call.transfer_failed",
  "call.transfer_refused", "call.prompt_unheard", "call.greeting_late", "call.offer_refused", "call.request_refused", "call.quality", "call.rejected", "call.rejections_not_logged",
  "rtp.refused", "tool.failed", "turn.unanswered",
]);
// Besides them: news of the edge.
const NEWS = new Set([
  "edge.listening", "edge.drain_ended", "edge.stopped", "registration.ok", "registration.removed", "trunk.resolved", "trunk.up",
  "worker.ready", "webhook.recovered", "config.reloaded",
]);

// The types that are asked for: of what happens in a call only what a table shows or what went wrong.
export const TYPES = [
  "call.*", "edge.*", "registration.*", "trunk.*", "worker.*", "workers.*", "events.*", "webhook.*", "config.*",
  "engine.in_use", "engine.outage", "engine.gone", "engine.silent", "engine.rate_limit",
  "turn.caller", "turn.latency", "turn.unanswered", "tool.failed", "rtp.refused",
].join(",");

export function level({ type, data }) {
  if (type === "call.ended") {
    if (!data.end?.fault) return "";
    return ["edge", "engine"].includes(data.end.fault) ? "error" : "warning";
  }
  if (ERRORS.has(type)) return "error";
  if (WARNINGS.has(type)) return "warning";
  return NEWS.has(type) ? "news" : "";
}

export class Troubles {
  rows = [];
  unseen = 0;
  #ids = new Set();

  // Whether there is something new. Events come again after a lost connection.
  take(events) {
    const fresh = events
      .map((event) => ({ event, level: level(event), id: event.id }))
      .filter((one) => one.level && !this.#ids.has(one.id));
    if (!fresh.length) return false;
    for (const one of fresh) this.#ids.add(one.id);
    this.rows = [...fresh.reverse(), ...this.rows];
    for (const one of this.rows.slice(MOST)) this.#ids.delete(one.id);
    this.rows = this.rows.slice(0, MOST);
    this.unseen += fresh.filter((one) => one.level === "error").length;
    return true;
  }
}
