// The status page of dynavgd. All texts of others go into the page as text, never as markup.
"use strict";

const kRefreshMs = 2000;
const kRoundsShown = 30;
const kSvg = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function shape(tag, attributes, text) {
  const made = document.createElementNS(kSvg, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const number = (value) => (value === null || value === undefined ? "–" :
  Number(value).toLocaleString("en", {maximumSignificantDigits: 4}));
const whole = (value) => Number(value).toLocaleString("en");
const percent = (value) => (value === null ? "–" : `${(100 * value).toFixed(2)} %`);
const clock = (ms) => new Date(ms).toLocaleTimeString();

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; count >= 999.95 && unit + 1 < units.length; ++unit) count /= 1000;
  return `${unit ? count.toFixed(1) : count} ${units[unit]}`;
}

function duration(seconds) {
  if (seconds < 1) return `${Math.floor(seconds * 1000)} ms`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function showHealth(findings) {
  const items = findings.map(({name, message}) => element("li", `${name}: ${message}`));
  if (items.length === 0) items.push(element("li", "Nothing is wrong.", "well"));
  byId("health").replaceChildren(...items);
}

function showFacts(status) {
  const facts = [
    ["Reference", `${status.epoch} (${status.digest.slice(0, 8)})`],
    ["Peers", `${status.peers_live} live of ${status.peers_known}`],
    ["Training", status.training],
    ["Steps", `${whole(status.steps)}, ${number(status.steps_per_second)}/s`],
    ["Variance bound", `${number(status.estimate)} of ${number(status.threshold)}`],
    ["Accuracy", percent(status.accuracy)],
    ["Round", status.round ? `to ${status.round.target}, ${status.round.reason}` : "none is open"],
    ["Sent", bytes(status.bytes.monitoring + status.bytes.averaging + status.bytes.overhead)],
  ];
  byId("facts").replaceChildren(...facts.flatMap(([name, value]) => {
    const pair = element("div");
    pair.append(element("dt", name), element("dd", value));
    return [pair];
  }));
}

function showTable(id, titles, rows) {
  const head = element("tr");
  head.append(...titles.map((title) => element("th", title)));
  byId(id).replaceChildren(head, ...rows.map((cells) => {
    const row = element("tr");
    row.append(...cells.map((text) => element("td", text, text === "silent" ? text : "")));
    return row;
  }));
}

function showPeers(peers) {
  showTable("peers", ["Name", "Address", "State", "Reference", "Steps", "Step time", "Heard"],
    peers.map((peer) => [peer.name, peer.address,
      (peer.live ? "live" : "silent") + (peer.role === "observer" ? " observer" : ""),
      `${peer.epoch} ${peer.digest.slice(0, 8)}`, whole(peer.steps),
      `${number(peer.step_time_ms)} ms`, `${duration(peer.last_heard_ms / 1000)} ago`]));
}

function showRounds(rounds) {
  showTable("rounds", ["Epoch", "When", "Reason", "Peers", "Estimate", "Threshold", "Took", "Sent"],
    rounds.slice(-kRoundsShown).reverse().map((round) => round.outcome === "committed" ?
      [round.epoch, clock(round.at_ms), round.reason,
        `${round.participants.length}/${round.expected}`, number(round.estimate),
        number(round.threshold), duration(round.duration_ms / 1000), bytes(round.bytes_sent)] :
      [round.epoch, clock(round.at_ms), round.outcome, "–", "–", "–", "–", "–"]));
}

// Lines over time, from zero up to `limit` at most; null is a gap.
function chart(id, samples, lines, marks, format, limit = Infinity) {
  const svg = byId(id);
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const left = 60, bottom = height - 20, top = 8;
  const parts = [];
  const values = samples.flatMap((sample) => lines.map((key) => sample[key]))
    .filter((value) => typeof value === "number");
  if (values.length === 0) {
    parts.push(shape("text", {x: left, y: height / 2}, "Nothing is known yet."));
    svg.replaceChildren(...parts);
    return;
  }
  const first = samples[0].at_ms, last = Math.max(samples[samples.length - 1].at_ms, first + 1);
  const most = Math.min(Math.max(...values), limit) || 1;
  const x = (ms) => left + (width - left - 8) * (ms - first) / (last - first);
  const y = (value) => bottom - (bottom - top) * Math.min(value, most) / most;
  for (const share of [0, 0.5, 1]) {
    parts.push(shape("line", {class: "grid", x1: left, x2: width - 8, y1: y(share * most),
      y2: y(share * most)}));
    parts.push(shape("text", {x: left - 6, y: y(share * most) + 4, "text-anchor": "end"},
      format(share * most)));
  }
  parts.push(shape("text", {x: left, y: height - 4}, clock(first)));
  parts.push(shape("text", {x: width - 8, y: height - 4, "text-anchor": "end"}, clock(last)));
  for (const mark of marks.filter((ms) => ms >= first && ms <= last)) {
    parts.push(shape("line", {class: "round", x1: x(mark), x2: x(mark), y1: top, y2: bottom}));
  }
  for (const key of lines) {
    let path = "", drawing = false;
    for (const sample of samples) {
      const known = typeof sample[key] === "number";
      if (known) {
        path += `${drawing ? "L" : "M"}${x(sample.at_ms).toFixed(1)} ${y(sample[key]).toFixed(1)}`;
      }
      drawing = known;
    }
    parts.push(shape("path", {class: key, d: path}));
  }
  svg.replaceChildren(...parts);
}

function show({status, peers, rounds, history}) {
  document.title = `${status.node} – dynavg`;
  byId("node").textContent = `${status.node} in ${status.network}`;
  byId("about").textContent = `dynavgd ${status.version}, ${status.model}, ` +
    `${whole(status.parameters)} parameters, up ${duration(status.uptime_s)}`;
  showHealth(status.health);
  showFacts(status);
  // A peer that was alone for long has drifted far.
  chart("drift", history, ["drift", "estimate", "threshold"], rounds.map((round) => round.at_ms),
    number, 4 * status.threshold);
  chart("accuracy", history, ["accuracy"], [], percent);
  showPeers(peers);
  showRounds(rounds);
}

async function refresh() {
  try {
    const answer = await fetch("status.json");
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
    byId("lost").hidden = true;
  } catch {
    byId("lost").hidden = false;
  }
  setTimeout(refresh, kRefreshMs);
}

refresh();
