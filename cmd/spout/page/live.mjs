// The Live tab: what a node measures, and its connections. What goes over the wire is described in live.go.

import { Chart, byteSteps, countSteps } from "./chart.mjs";
import { Room } from "./spout-room.js";
import { formatSize, formatTime } from "./timeline.mjs";

const $ = (id) => document.getElementById(id);
const { live: access, bots } = document.documentElement.dataset;
const samplesKept = 300;

let room = null;
let samples = [];
let charts = [];
let opened = false; // there was a connection once
const rows = new Map(); // of the table, by id of the connection

export function start() {
  if (access === "") return;
  $("live-entry").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem("live-token", $("live-token").value);
    connect();
  });
}

// show is told whether the page is in view; it measures no time otherwise.
export function show(visible) {
  if (access === "") return;
  if (!visible) {
    hangUp();
    return;
  }
  if (room !== null) return;
  if (charts.length === 0) makeCharts();
  if (access === "token" && !sessionStorage.getItem("live-token")) {
    ask("This page wants the token that the server was started with.");
    return;
  }
  connect();
}

function makeCharts() {
  const whole = (n) => n.toLocaleString("en", { notation: "compact" });
  const withBots = bots !== "0";
  charts = [
    new Chart({ title: "Connections", hint: "Open WebSockets of this node", series: [{ key: "connections" }], format: whole, incrs: countSteps }),
    withBots
      ? new Chart({ title: "Messages a second", hint: "in: from clients to this node; out: to bots on this node", series: [{ key: "received", label: "in" }, { key: "heard", label: "out" }], format: whole, incrs: countSteps })
      : new Chart({ title: "Messages a second", hint: "From clients to this node", series: [{ key: "received" }], format: whole, incrs: countSteps }),
    new Chart({
      title: withBots ? "Delay of delivery" : "Round trip",
      hint: withBots ? "How long what bots say takes until bots on this node have it" : "Pings of this node, one a second on each connection",
      series: [{ key: "p50", label: "p50" }, { key: "p99", label: "p99" }],
      format: formatTime,
    }),
    new Chart({ title: "Queue depth", hint: "Bytes that wait to be sent, over all connections", series: [{ key: "queued" }], format: formatSize, incrs: byteSteps }),
    new Chart({ title: "Drops a second", hint: "Connections that broke off, or were closed for a fault or for being slow", series: [{ key: "dropped" }], format: whole, incrs: countSteps }),
    new Chart({ title: "Heap", hint: "Objects in the memory of the process", series: [{ key: "heap" }], format: formatSize, incrs: byteSteps }),
  ];
  $("live-charts").append(...charts.map((chart) => chart.figure));
}

function connect() {
  hangUp();
  opened = false;
  $("live-entry").hidden = true;
  $("live-body").hidden = false;
  state("connecting", "Connecting…");
  room = new Room(() => {
    const url = new URL("/ws/live", location.href);
    if (access === "token") url.searchParams.set("token", sessionStorage.getItem("live-token"));
    return url;
  }, { attempts: access === "token" ? 1 : 20, maxWait: 2000 });
  const from = room;
  for (const [type, receive] of Object.entries(events)) {
    room.addEventListener(type, (event) => {
      if (room === from) receive(event);
    });
  }
}

function hangUp() {
  const old = room;
  room = null;
  old?.close();
}

const events = {
  joined() {
    if (!opened) samples = [];
    opened = true;
    state("open", "Measuring");
  },

  // The node was started anew.
  gap() {
    samples = [];
  },

  message({ data }) {
    samples.push(JSON.parse(data));
    if (samples.length > samplesKept) samples.shift();
    drawSoon();
  },

  other({ data }) {
    const { connections, more, nodes } = JSON.parse(data);
    showConnections(connections ?? []);
    $("live-more").textContent = more === 0 ? "" : `and ${more} more`;
    if (nodes) showNodes(nodes);
  },

  close({ retry }) {
    showConnections([]);
    if (retry !== undefined && opened) {
      state("waiting", "This node does not answer; trying again");
    } else if (retry !== undefined) {
      state("waiting", "Not let in. This page can be used on the server's machine, as localhost or 127.0.0.1; elsewhere with a token (spout demo --token)");
    } else if (access === "token" && !opened) {
      ask("This is not the server's token, or the server does not answer.");
    } else {
      state("out", "The connection has ended");
    }
  },
};

function ask(words) {
  hangUp();
  sessionStorage.removeItem("live-token");
  $("live-entry").hidden = false;
  $("live-body").hidden = true;
  $("live-token").value = "";
  $("live-token").focus();
  state("out", words);
}

function state(now, words) {
  $("live-status").dataset.state = now;
  $("live-status").textContent = words;
  $("live-body").toggleAttribute("inert", now !== "open" && !opened);
}

// drawSoon draws once for all samples that have come together.
let drawing = false;
function drawSoon() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => {
    drawing = false;
    for (const chart of charts) chart.draw(samples);
  });
}

// showConnections keeps the rows of connections that stay, and with them the focus.
function showConnections(connections) {
  const gone = new Set(rows.keys());
  for (const c of connections) {
    gone.delete(c.id);
    if (!rows.has(c.id)) rows.set(c.id, makeRow(c));
    const cells = rows.get(c.id).cells;
    for (const [i, text] of [[2, formatAge(c.age)], [3, c.rtt === 0 ? "–" : formatTime(c.rtt)], [4, c.received.toLocaleString("en")], [5, formatSize(c.queued)]]) {
      if (cells[i].textContent !== text) cells[i].textContent = text;
    }
    const place = $("live-connections");
    if (!rows.get(c.id).isConnected) place.append(rows.get(c.id));
  }
  for (const id of gone) {
    rows.get(id).remove();
    rows.delete(id);
  }
}

function makeRow({ id, path, peer }) {
  const row = document.createElement("tr");
  row.dataset.id = id;
  const names = ["Path", "Peer", "Age", "Round trip", "Received", "Queued"];
  row.append(...[decodeURI(path), peer, "", "", "", ""].map((text, i) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    cell.dataset.name = names[i];
    if (i >= 2) cell.className = "number";
    return cell;
  }));
  const cell = document.createElement("td");
  cell.append(button("Close", `Close ${path} of ${peer}`, { type: "close", id }));
  row.append(cell);
  return row;
}

function formatAge(s) {
  return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

function showNodes(nodes) {
  const list = $("live-nodes");
  const now = JSON.stringify(nodes);
  if (list.dataset.now === now) return; // nothing has changed, and the focus stays
  const focused = document.activeElement.closest("#live-nodes > li")?.dataset.node;
  list.dataset.now = now;
  list.replaceChildren(...nodes.map(({ name, url, up }) => {
    const item = document.createElement("li");
    item.dataset.node = name;
    item.dataset.up = up;
    const port = new URL(url).port;
    const link = document.createElement("a");
    link.href = `${location.protocol}//${location.hostname}:${port}/#live`;
    link.textContent = `Node ${name}`;
    const words = document.createElement("span");
    words.className = "status";
    words.dataset.state = up ? "open" : "out";
    words.textContent = port === location.port ? (up ? "up, this page" : "killed") : up ? "up" : "killed";
    const act = up ? button("Kill", `Kill node ${name}`, { type: "kill", node: name }) : button("Start", `Start node ${name}`, { type: "start", node: name });
    item.append(link, words, act);
    return item;
  }));
  if (focused !== undefined) list.querySelector(`[data-node="${focused}"] button`)?.focus();
}

function button(words, label, order) {
  const b = document.createElement("button");
  b.type = "button";
  b.className = "quiet";
  b.textContent = words;
  b.setAttribute("aria-label", label);
  b.addEventListener("click", () => {
    try {
      room?.send(JSON.stringify(order));
    } catch {
      // it is not connected at the moment, as the page says
    }
  });
  return b;
}
