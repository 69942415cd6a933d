// The SIP messages of a call as a ladder. A message is chosen by click, or by Tab and Enter.

import { svg } from "../lib/dom.js";
import { plain } from "../lib/text.js";

const [ROW, TOP, TIME, EDGE] = [24, 28, 70, 56];
const LONGEST_LABEL = 60;

// `messages`: [{ at_s (since the first), sent, peer, first_line, cseq, again }].
export function ladder(messages, { width, chosen, choose }) {
  const peers = [...new Set(messages.map((one) => one.peer))];
  const lanes = [...peers, "sipua"];
  const place = (name) => TIME + EDGE + (lanes.indexOf(name) / Math.max(1, lanes.length - 1)) * (width - TIME - 2 * EDGE);
  const height = TOP + messages.length * ROW + 10;
  return svg(
    "svg",
    { class: "ladder", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": `${messages.length} SIP messages` },
    lanes.map((name) => [
      svg("text", { class: "name", x: place(name), y: 14, "text-anchor": "middle" }, plain(name, 40)),
      svg("line", { class: "life", x1: place(name), x2: place(name), y1: 20, y2: height - 4 }),
    ]).flat(),
    messages.map((one, index) => arrow(one, index, { place, width, chosen: index === chosen, choose })),
  );
}

function arrow(one, index, { place, width, chosen, choose }) {
  const y = TOP + index * ROW + ROW / 2 + 4;
  const [from, to] = one.sent ? [place("sipua"), place(one.peer)] : [place(one.peer), place("sipua")];
  const back = to > from ? -6 : 6;
  const label = plain(labelOf(one), LONGEST_LABEL);
  const pick = () => choose(index);
  return svg(
    "g",
    {
      class: `rung ${kind(one.first_line)}${chosen ? " chosen" : ""}${one.again ? " again" : ""}`,
      role: "button",
      tabindex: 0,
      "aria-pressed": chosen,
      "aria-label": `${one.at_s.toFixed(3)} s, ${one.sent ? "sent to" : "from"} ${plain(one.peer, 60)}: ${plain(one.first_line, 80)}`,
      on: {
        click: pick,
        keydown: (event) => {
          if (![" ", "Enter"].includes(event.key)) return;
          event.preventDefault();
          pick();
        },
      },
    },
    svg("rect", { class: "hit", x: 0, y: y - ROW / 2 - 4, width, height: ROW }),
    svg("text", { class: "tick", x: TIME - 10, y: y + 3, "text-anchor": "end" }, `+${one.at_s.toFixed(3)}`),
    svg("text", { class: "label", x: (from + to) / 2, y: y - 4, "text-anchor": "middle" }, label),
    svg("path", { class: "arrow", d: `M${from} ${y}H${to}M${to + back} ${y - 3.5}L${to} ${y}l${back} 3.500` }),
  );
}

function labelOf(one) {
  const words = one.first_line.startsWith("SIP/2.0 ")
    ? one.first_line.slice(8)
    : one.first_line.split(" ")[0];
  const body = one.sdp ? " (SDP)" : "";
  const method = one.first_line.startsWith("SIP/2.0 ") && one.cseq ? `  ${one.cseq.split(" ").at(-1)}` : "";
  return `${words}${method}${body}`;
}

function kind(firstLine) {
  const status = /^SIP\/2\.0 (\d)/.exec(firstLine)?.[1];
  return { undefined: "request", 1: "provisional", 2: "success", 3: "moved" }[status] ?? "refused";
}
