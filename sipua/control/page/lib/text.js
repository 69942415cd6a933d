// How values read.

const LONGEST = 2000;
// What moves, hides or turns round other letters: a caller's name must not write over the next cell.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

export function plain(value, longest = LONGEST) {
  const text = String(value ?? "").replace(UNSEEN, "\u00b7");
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

// Who it is: without a display name, scheme and parameters (of which the tag is one).
export function party(uri) {
  const text = plain(uri);
  const inside = /<([^<>]*)>/.exec(text)?.[1] ?? text;
  return inside.replace(/^sips?:/i, "").split(";")[0];
}

// Who calls: as the trunk asserts it or in its form, or as From has it.
export function callerOf(call) {
  const caller = call.caller;
  if (caller?.anonymous) return "anonymous";
  return caller && (caller.header !== "From" || caller.received) ? caller.number || call.from : call.from;
}

// Whom: a number in the trunk's form, or whatever To has.
export function calledOf(call) {
  return /^\+?[0-9*#…]+$/.test(call.called ?? "") ? call.called : call.to;
}

// The same in words, with what else is known.
export function callerFacts(caller) {
  if (!caller) return "";
  const diverted = caller.diverted?.length ? `, diverted by ${caller.diverted.join(", ")}` : "";
  if (caller.anonymous) return `anonymous${diverted}`;
  const received = caller.received ? `, received as ${caller.received}` : "";
  return `${[caller.name, caller.number].filter(Boolean).join(" ")} (${caller.header}${received})${diverted}`;
}

// The same for a table: of a telephone number the host tells nothing that the trunk does not.
export function subscriber(uri) {
  const text = party(uri);
  const [user, host] = text.split("@");
  return host && /^\+?[0-9*#.…-]{3,}$/.test(user) ? user : text;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function number(value, digits = 0) {
  return Number.isFinite(value) ? value.toFixed(digits) : "";
}

export function percent(value) {
  if (!Number.isFinite(value)) return "";
  if (value === 0) return "0";
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

const TIME = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

const DAY = new Intl.DateTimeFormat("sv-SE", { year: "numeric", month: "2-digit", day: "2-digit" });

export function timeOfDay(moment) {
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? "" : TIME.format(date);
}

export function dayAndTime(moment) {
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? "" : `${DAY.format(date)} ${TIME.format(date)}`;
}

// The fields of an event in a line: `digit=5 duration_ms=100`.
export function fields(data, without = []) {
  return Object.entries(data ?? {})
    .filter(([name, value]) => value !== null && !without.includes(name))
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join("  ");
}
