// The columns of the table of calls.

import { calledOf, callerOf, duration, number, percent, plain, subscriber, timeOfDay } from "../lib/text.js";
import { age } from "../model/calls.js";
import * as figures from "../model/figures.js";

export function stateOf(call) {
  if (call.state === "ended") return call.status ?? "ended";
  if (call.transfer?.state === "asked") return "transfer";
  if (call.held) return "held";
  if (call.state === "active" && call.muted.length) return "muted";
  return call.state;
}

export function toneOf(call) {
  if (call.state === "ended") return call.end?.fault ? "state fault" : "state";
  if (call.held || (call.state === "active" && call.muted.length)) return "state held";
  if (call.state === "active" && call.answered_at && call.engine && !call.engine_up) return "state fault";
  return `state ${call.state === "active" ? "active" : "ringing"}`;
}

export function endOf(call) {
  const end = call.end;
  if (!end) return "";
  const sip = end.sip && end.sip.status !== 200 ? ` ${end.sip.status}` : "";
  return `${end.by}: ${end.reason}${sip}${end.fault ? ` (fault: ${end.fault})` : ""}`;
}

function figure(key, label, of, text, width, rank, title) {
  return {
    key,
    label,
    title,
    width: `${width}px`,
    least: width,
    rank,
    right: true,
    value: of,
    text: (call) => text(of(call)),
    tone: (call) => figures.judged(key, of(call)),
  };
}

function words(key, label, of, least, share, rank, title) {
  return { key, label, title, width: `minmax(0, ${share}fr)`, least, rank, text: (call) => plain(of(call), 200) };
}

const STATE = {
  key: "state",
  label: "State",
  width: "86px",
  least: 86,
  rank: 0,
  text: stateOf,
  tone: toneOf,
};
const FROM = words("from", "From", (call) => subscriber(callerOf(call)), 90, 2, 0);
const TO = words("to", "To", (call) => subscriber(calledOf(call)), 90, 2, 0);
const ROUTE = words("route", "Route", (call) => call.route, 80, 1.2, 5);
const TRUNK = words("trunk", "Trunk", (call) => call.origin, 80, 1.2, 4, "Trunk or account");
const ENGINE = words("engine", "Engine", (call) => (call.engine && !call.engine_up && call.state === "active" ? `${call.engine} (out)` : call.engine), 80, 1.2, 6);
const WORKER = figure("worker", "Wkr", (call) => call.worker, String, 44, 9, "Worker process");

export const UP = [
  STATE,
  figure("age", "Age", age, duration, 62, 0, "Since the call began"),
  FROM,
  TO,
  ROUTE,
  TRUNK,
  words("talk", "Talks", figures.talk, 56, 0.6, 6, "Who is to be heard"),
  words("codec", "Codec", (call) => call.media?.codec ?? "", 56, 0.6, 8),
  figure("loss", "Loss %", figures.loss, percent, 60, 3, "Packets lost in the last seconds, the worse of both directions"),
  figure("jitter", "Jitter ms", figures.jitter, number, 72, 3, "The worse of both directions"),
  figure("round_trip", "RTT ms", figures.roundTrip, number, 62, 7, "Round trip, from RTCP"),
  figure("mos", "MOS", figures.mos, (value) => number(value, 1), 48, 7, "Estimated by the E-model, the worse of both directions"),
  figure("wait", "Wait ms", (call) => call.last_latency_ms, number, 66, 1, "How long the caller waited for the last answer"),
  figure("turns", "Turns", (call) => call.turns, String, 50, 8, "How often the caller has spoken"),
  ENGINE,
  WORKER,
];

export const ENDED = [
  { ...STATE, width: "102px", least: 102 },
  { ...words("ended", "Ended", (call) => (call.ended_at ? timeOfDay(call.ended_at) : ""), 74, 1, 1), width: "74px" },
  figure("age", "Length", age, duration, 62, 0),
  FROM,
  TO,
  ROUTE,
  TRUNK,
  words("end", "End", endOf, 150, 3, 2),
  figure("wait", "Wait ms", (call) => call.last_latency_ms, number, 66, 3, "The last answer"),
  figure("turns", "Turns", (call) => call.turns, String, 50, 8),
  ENGINE,
  WORKER,
];

export function haystack(call) {
  return [
    call.id, call.sip_call_id, call.from, call.to, callerOf(call), call.caller?.name, call.called, call.route, call.origin, call.engine, call.source,
    call.by, call.direction, stateOf(call), call.media?.codec, endOf(call),
  ].join(" ").toLowerCase();
}
