// The Echo tab: one WebSocket (in socket.mjs), a composer, and the timeline of what went over it.

import { parseHex } from "./hex.mjs";
import { closeProblem, utf8Length } from "./rules.mjs";
import { Timeline, closeRow, formatSize, wireSize } from "./timeline.mjs";
import { hideNote, showNote } from "./note.mjs";

const $ = (id) => document.getElementById(id);
const limit = Number(document.documentElement.dataset.limit) || Infinity;

const url = $("echo-url");
const connectButton = $("echo-connect");
const disconnectButton = $("echo-disconnect");
const closeCode = $("echo-close-code");
const closeReason = $("echo-close-reason");
const status = $("echo-status");
const connectionError = $("echo-connection-error");
const text = $("echo-text");
const hex = $("echo-hex");
const sendError = $("echo-error");
const count = $("echo-count");
const panel = $("panel-echo");
const timeline = new Timeline($("timeline"), panel.querySelector(".scroll"), $("timeline-summary"));

const socket = new Worker("socket.mjs", { type: "module" });
let target = null; // the URL of the connection, from connect until it has closed
let opened = false; // it was open
let next = null; // the path to connect to when it has closed

const sentBefore = { text: [], binary: [] }; // what was typed, for the arrow key

export function start() {
  socket.onmessage = ({ data }) => events[data.event](data);
  url.value = address("/websocket");
  $("echo-addresses").append(...["/websocket", "/ws/echo", "/ws/clock", "/ws/close/4000"].map((path) => new Option("", address(path))));

  $("echo-connection").addEventListener("submit", (event) => {
    event.preventDefault();
    connect();
  });
  disconnectButton.addEventListener("click", disconnect);
  for (const field of [closeCode, closeReason]) {
    // Enter in these fields means closing, not the form's connecting.
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      disconnect();
    });
  }
  $("echo-composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  for (const field of [text, hex]) {
    field.addEventListener("keydown", keys);
    field.addEventListener("input", () => {
      say(sendError, "", field);
      showCount();
    });
  }
  for (const mode of [$("echo-mode-text"), $("echo-mode-binary")]) mode.addEventListener("change", switchMode);
  $("timeline-clear").addEventListener("click", () => timeline.clear());
  switchMode(); // a reload keeps the radio buttons
  connect();
}

// open puts path into the address field, closes what is open and connects.
export function open(path) {
  url.value = address(path);
  if (target === null) {
    connect();
    return;
  }
  next = path;
  if (status.dataset.state !== "closing") {
    state("closing");
    socket.postMessage({ order: "close", code: 1000, reason: "" });
  }
}

function address(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

function connect() {
  if (target !== null) return;
  say(connectionError, "", url);
  try {
    if (url.value.trim() === "") throw new Error("An address is missing.");
    target = new URL(url.value.trim(), address("/"));
  } catch (err) {
    say(connectionError, err instanceof TypeError ? `“${url.value.trim()}” is not an address.` : err.message, url);
    return;
  }
  opened = false;
  state("connecting");
  socket.postMessage({ order: "connect", url: target.href });
}

const events = {
  refused({ name }) {
    say(connectionError, name === "SecurityError"
      ? "A page that came over https may only open wss addresses."
      : `“${target.href}” is not a WebSocket address: it begins with ws:// or wss:// and has no fragment.`, url);
    target = null;
    state("closed");
  },

  open({ protocol, at }) {
    opened = true;
    hideNote();
    state("open");
    timeline.add({ at, direction: "received", opcode: "open", data: target.href + (protocol ? `, subprotocol ${protocol}` : "") });
  },

  sent({ data, at }) {
    timeline.add({ at, direction: "sent", opcode: opcode(data), data, size: wireSize(data) });
  },

  unsent() {
    const { field, typed } = lastSent;
    if (field.value === "") field.value = typed;
    say(sendError, "The connection closed before this could be sent.");
    showCount();
  },

  received({ data, rtt, at }) {
    timeline.add({ at, direction: "received", opcode: opcode(data), data, size: wireSize(data), rtt });
  },

  closing({ code, reason, at }) {
    timeline.add({ at, ...closeRow("sent", code, reason) });
  },

  closed({ code, reason, at }) {
    const was = target;
    const gaveUp = !opened && status.dataset.state === "closing";
    target = null;
    state("closed", opened ? `Closed with ${code}` : undefined);
    if (opened) {
      timeline.add({ at, ...closeRow("received", code, reason) });
    } else if (!gaveUp) {
      timeline.add({ at, direction: "local", opcode: "error", data: `Could not connect to ${was.href}; the browser's console may say why.` });
      if (was.protocol === "wss:") showNote(was, connect);
    }
    if (next !== null) {
      next = null;
      connect();
    }
  },
};

function disconnect() {
  const now = status.dataset.state;
  if (now === "connecting") {
    state("closing");
    socket.postMessage({ order: "close" });
  }
  if (now !== "open") return;
  const code = closeCode.value.trim();
  const reason = closeReason.value;
  const problem = closeProblem(code, reason);
  say(connectionError, problem, problem.includes("reason takes") ? closeReason : closeCode);
  if (problem !== "") return;
  state("closing");
  socket.postMessage({ order: "close", code: code === "" ? undefined : Number(code), reason });
}

let lastSent; // { field, typed }

function send() {
  const binary = $("echo-mode-binary").checked;
  const field = binary ? hex : text;
  const typed = field.value;
  let data = typed;
  if (binary) {
    try {
      data = parseHex(typed);
    } catch (err) {
      say(sendError, err.message, field);
      return;
    }
  }
  if (status.dataset.state !== "open") {
    say(sendError, "Not connected. What you typed is kept; connect and send it again.");
    return;
  }
  socket.postMessage({ order: "send", data });
  say(sendError, "", field);
  lastSent = { field, typed };
  if (typed !== "") sentBefore[binary ? "binary" : "text"].push(typed);
  field.value = "";
  recalled = 0;
  showCount();
}

let recalled = 0; // how many messages back the arrow key has gone

function keys(event) {
  if (event.isComposing) return;
  const field = event.currentTarget;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    send();
    return;
  }
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") {
    return;
  }
  const before = sentBefore[field === hex ? "binary" : "text"];
  const untouched = field.value === "" || (recalled > 0 && field.value === before.at(-recalled));
  const next = recalled + (event.key === "ArrowUp" ? 1 : -1);
  if (!untouched || next < 0 || next > before.length) return;
  event.preventDefault();
  recalled = next;
  field.value = next === 0 ? "" : before.at(-next);
  showCount();
}

function switchMode() {
  const binary = $("echo-mode-binary").checked;
  text.hidden = binary;
  hex.hidden = !binary;
  recalled = 0;
  say(sendError, "", binary ? hex : text);
  showCount();
}

function showCount() {
  let size;
  if ($("echo-mode-binary").checked) {
    try {
      size = parseHex(hex.value).length;
    } catch {
      count.textContent = "– B";
      return;
    }
  } else {
    size = utf8Length(text.value);
  }
  const over = size > limit;
  count.textContent = over ? `${formatSize(size)}: over the server's limit of ${formatSize(limit)}, it will close with 1009` : formatSize(size);
  count.classList.toggle("over", over);
}

function opcode(data) {
  return typeof data === "string" ? "text" : "binary";
}

function state(name, words = { closed: "Not connected", connecting: "Connecting…", open: "Connected", closing: "Closing…" }[name]) {
  status.dataset.state = name;
  status.textContent = words;
  connectButton.setAttribute("aria-disabled", String(name !== "closed"));
  disconnectButton.setAttribute("aria-disabled", String(name === "closed" || name === "closing"));
}

// say shows a problem, or none, and marks the field that has it.
export function say(place, problem, field) {
  place.textContent = problem;
  for (const other of place.closest("form").querySelectorAll("[aria-invalid]")) other.removeAttribute("aria-invalid");
  if (problem !== "" && field) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}
