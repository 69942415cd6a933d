// The figures of one call, from wherever they are known: its stats, or what its other side has
// reported of loss.

// Above the first a figure is worth a look, above the second it is heard.
export const LIMITS = {
  loss: [1, 3], // %
  jitter: [30, 60], // ms
  round_trip: [200, 400], // ms
  wait: [1500, 3000], // ms, of an answer
};
const LEAST = { mos: [3.6, 3.1] }; // below these

export function judged(name, value) {
  if (!Number.isFinite(value)) return "";
  const least = LEAST[name];
  if (least) return value <= least[1] ? "bad" : value <= least[0] ? "warn" : "";
  const limits = LIMITS[name];
  if (!limits) return "";
  return value >= limits[1] ? "bad" : value >= limits[0] ? "warn" : "";
}

// The worse of both directions, in percent.
export function loss({ stats, quality }) {
  const told = [stats?.received?.loss, stats?.sent?.loss ?? quality?.remote_fraction_lost].filter(Number.isFinite);
  return told.length ? Math.max(...told) * 100 : undefined;
}

export function jitter({ stats, quality }) {
  const told = [stats?.received?.jitter_ms, stats?.sent?.jitter_ms ?? quality?.remote_jitter_ms].filter(Number.isFinite);
  return told.length ? Math.max(...told) : undefined;
}

export function roundTrip({ stats, quality }) {
  return stats?.round_trip_ms ?? quality?.round_trip_ms ?? undefined;
}

export function mos({ stats }) {
  const told = [stats?.received?.mos, stats?.sent?.mos].filter(Number.isFinite);
  return told.length ? Math.min(...told) : undefined;
}

export function talk({ state, stats }) {
  return state === "active" && stats?.talk !== "none" ? (stats?.talk ?? "") : "";
}
