// The calls, by id: the list of the API is the truth, and events change it at once until the next
// list comes. What events say here is what sipua/control/view/calls.py makes of them.

const MOST_ENDED = 1000;

const CHANGES = {
  "call.progress": (call, data) => {
    if (call.state === "placing" && (data.status ?? 180) > 100) call.state = "ringing";
  },
  "call.answered": active,
  "call.confirmed": active,
  "call.media": (call, data) => {
    call.media = { codec: data.codec, remote: data.remote, direction: data.direction };
  },
  "call.held": (call) => {
    call.held = true;
  },
  "call.resumed": (call) => {
    call.held = false;
  },
  "call.quality": (call, { fix, ...quality }) => {
    call.quality = quality;
  },
  "call.steered": (call, data) => {
    if (data.act !== "mute" || data.status !== "done") return;
    const others = call.muted.filter((side) => side !== data.about);
    call.muted = data.on ? [...others, data.about] : others;
  },
  "turn.caller": (call) => {
    call.turns += 1;
  },
  "turn.latency": (call, data) => {
    call.last_latency_ms = data.total_ms;
  },
  "engine.in_use": (call, data) => {
    call.engine = data.engine;
    call.engine_up = true;
  },
  "engine.outage": noEngine,
  "engine.gone": noEngine,
  "call.transfer": (call, data) => {
    call.transfer = { target: data.target, state: "asked" };
  },
  "call.transferred": (call, data) => {
    call.transfer = { target: data.target, state: "done", status: data.status, reason: data.reason };
  },
  "call.transfer_failed": (call, data) => {
    call.transfer = { target: data.target, state: "failed", status: data.status, reason: data.reason };
  },
  "call.ended": (call, data, time) => {
    call.state = "ended";
    call.ended_at = time;
    call.engine_up = false;
    call.status = data.status;
    call.end = data.end;
    call.duration_s = data.duration_s;
    call.age_s = age(call);
  },
};

function active(call, _data, time) {
  call.state = "active";
  call.answered_at ??= time;
}

function noEngine(call) {
  call.engine_up = false;
}

// Seconds, by the clock of this browser alone: that of the edge may be another one.
export function age(call, now = performance.now()) {
  return call.state === "ended" ? call.age_s : call.age_s + (now - call.seen) / 1000;
}

export class Calls {
  #changed;

  constructor(changed) {
    this.up = new Map();
    this.ended = new Map();
    this.#changed = changed;
  }

  get(id) {
    return this.up.get(id) ?? this.ended.get(id);
  }

  // Events of any type; those that are of no call, or change none, are passed over.
  apply(events) {
    const now = performance.now();
    let changed = false;
    for (const event of events) changed = this.#applied(event, now) || changed;
    if (changed) this.#changed();
  }

  #applied({ type, subject: id, data, time }, now) {
    if (!id) return false;
    if (type === "call.incoming" || type === "call.placing") {
      if (this.get(id)) return false;
      this.up.set(id, begun(type, id, data, time, now));
      return true;
    }
    const call = this.up.get(id);
    const change = CHANGES[type];
    if (!call || !change) return false;
    change(call, data, time);
    call.changed = now;
    if (call.state === "ended") this.#end(call);
    return true;
  }

  // All calls that are up, as asked for at `asked` (of performance.now()).
  replace(shown, asked) {
    const now = performance.now();
    const ids = new Set();
    for (const one of shown) {
      ids.add(one.id);
      this.put(one, asked, now);
    }
    for (const call of [...this.up.values()]) {
      if (!ids.has(call.id) && call.changed < asked) {
        // Its end was missed: nobody knows yet how it ended.
        call.age_s = age(call, now);
        call.state = "ended";
        this.#end(call);
      }
    }
    this.#changed();
  }

  put(one, asked, now = performance.now()) {
    const known = this.get(one.id);
    if (known && known.changed >= asked) {
      // An event was quicker than the answer. Figures are of no event.
      known.stats = one.stats ?? known.stats;
      return known;
    }
    const call = { ...one, muted: one.muted ?? [], seen: now, changed: asked };
    call.stats ??= known?.stats;
    if (call.state === "ended") this.#end(call);
    else this.up.set(call.id, call);
    return call;
  }

  putEnded(shown, asked) {
    for (const one of [...shown].reverse()) this.put(one, asked);
    this.#changed();
  }

  #end(call) {
    this.up.delete(call.id);
    this.ended.set(call.id, call);
    if (this.ended.size > MOST_ENDED) this.ended.delete(this.ended.keys().next().value);
  }
}

function begun(type, id, data, time, now) {
  const incoming = type === "call.incoming";
  return {
    id,
    direction: incoming ? "incoming" : "outgoing",
    state: incoming ? "ringing" : "placing",
    from: data.from,
    to: data.to,
    caller: data.caller,
    called: data.called,
    origin: incoming ? data.origin : data.account,
    route: data.route,
    worker: data.worker,
    created_at: time,
    sip_call_id: data.sip_call_id ?? "",
    source: data.source ?? "",
    by: data.by,
    held: false,
    muted: [],
    engine: "",
    engine_up: false,
    turns: 0,
    quality: {},
    age_s: 0,
    seen: now,
    changed: now,
  };
}
