// What an operator can do to a call. Each asks back, or for what it needs, and says what came of it.

import { Problem, words } from "../lib/api.js";
import { ask, message } from "../lib/dialogs.js";
import { duration, party } from "../lib/text.js";
import { age } from "../model/calls.js";

const LONGEST_TEXT = 4000;

export function title(call) {
  return `${party(call.from) || "?"} → ${party(call.to) || "?"}`;
}

function about(call) {
  return `${title(call)}\n${call.state}, ${duration(age(call))}, ${call.id}`;
}

function up(call) {
  return call && call.state !== "ended";
}

async function order(app, call, act, body, done) {
  try {
    const outcome = await app.session.api.post(`/v1/calls/${call.id}/${act}`, body);
    message(outcome?.status === "accepted" && act !== "hangup" ? `${done}: under way` : done);
    app.soon();
    return true;
  } catch (error) {
    message(`${act}: ${words(error)}`, "failed");
    return false;
  }
}

export async function hangUp(app, call) {
  if (!up(call)) return;
  const values = await ask({
    title: "Hang up this call?",
    about: about(call),
    fields: [
      { name: "after_speech", label: "After what is being said", kind: "flag" },
    ],
    act: "Hang up",
    danger: true,
    first: "act",
  });
  if (values) await order(app, call, "hangup", { detail: "on the page", ...values }, "Hung up");
}

export async function transfer(app, call) {
  if (!up(call)) return;
  const values = await ask({
    title: "Transfer (REFER)",
    about: about(call),
    fields: [
      { name: "to", label: app.session.place ? "Name of tools.transfer.targets, number or SIP URI" : "Name of tools.transfer.targets", required: true, longest: 512 },
    ],
    act: "Transfer",
  });
  if (values) await order(app, call, "transfer", values, `Transfer to ${values.to}`);
}

export async function say(app, call) {
  if (!up(call)) return;
  const values = await ask({
    title: "Say",
    about: "The engine says it to the caller.",
    fields: [
      { name: "text", label: "Text", kind: "lines", required: true, longest: LONGEST_TEXT },
      { name: "interrupt", label: "Cut off what is being said", kind: "flag" },
    ],
    act: "Say",
  });
  if (values) await order(app, call, "say", values, "Said");
}

export async function inject(app, call) {
  if (!up(call)) return;
  const values = await ask({
    title: "Tell the model",
    about: "No side of the call hears it.",
    fields: [
      { name: "text", label: "Text", kind: "lines", required: true, longest: LONGEST_TEXT },
      { name: "role", label: "As", kind: "choice", choices: ["system", "user"] },
      { name: "respond", label: "The model answers at once", kind: "flag" },
    ],
    act: "Tell",
  });
  if (values) await order(app, call, "inject", values, "Told");
}

export async function keysTo(app, call) {
  if (!up(call)) return;
  const values = await ask({
    title: "Keys to the other side",
    about: about(call),
    fields: [{ name: "digits", label: "0-9 * # A-D", required: true, pattern: "[0-9*#A-Da-d]+", longest: 32 }],
    act: "Send",
  });
  if (values) await order(app, call, "dtmf", values, "Keys");
}

export async function hold(app, call) {
  if (!up(call)) return;
  const on = !call.held;
  await order(app, call, "hold", { on }, on ? "On hold" : "Taken back");
}

export async function mute(app, call, side) {
  if (!up(call)) return;
  const on = !call.muted.includes(side);
  await order(app, call, "mute", { side, on }, `${side} ${on ? "muted" : "heard again"}`);
}

export async function place(app) {
  const place = app.session.place;
  const origins = ["", ...app.edge.registrations.map((one) => one.account), ...app.edge.trunks.filter((one) => one.proxy).map((one) => one.name)];
  const values = await ask({
    title: "Place a call",
    about: `This token may call ${place.prefixes.join(", ")}; ${place.max_calls} at once.`,
    fields: [
      { name: "to", label: "Number or SIP URI", required: true, longest: 512 },
      { name: "origin", label: "By the trunk or account (empty: straight to the host of the URI)", kind: "choice", choices: origins },
      { name: "route", label: "Route (empty: the first that fits)", longest: 64 },
    ],
    act: "Call",
  });
  if (!values) return;
  try {
    const key = { "Idempotency-Key": newKey() };
    const call = await app.session.api.ask("POST", "/v1/calls", values, key);
    message(`Calling ${values.to}`);
    app.go(`call/${call.id}`);
  } catch (error) {
    message(`Call: ${error instanceof Problem ? error.words : `${words(error)}; it may have been placed: look at the list`}`, "failed");
  }
}

// randomUUID is there only where the page came over TLS or from this machine.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
