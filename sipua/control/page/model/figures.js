// The figures of one call, from wherever they are known: its stats, or what its other side has
// reported.

// Above the first a figure is worth a look, above the second it is heard.
export const LIMITS = {
  loss: [1, 3], // %
  jitter: [30, 60], // ms
  round_trip: [200, 400], // ms
  wait: [1500, 3000], // ms, of an answer
};

export function judged(name, value) {
  const limits = LIMITS[name];
  if (!limits || !Number.isFinite(value)) return "";
  return value >= limits[1] ? "bad" : value >= limits[0] ? "warn" : "";
}

export function loss(call) {
  const fraction = call.quality?.remote_fraction_lost;
  return Number.isFinite(fraction) ? fraction * 100 : undefined;
}

export function jitter(call) {
  return call.quality?.remote_jitter_ms ?? undefined;
}

export function roundTrip(call) {
  return call.quality?.round_trip_ms ?? undefined;
}
