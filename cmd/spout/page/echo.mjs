// The Echo tab: one WebSocket, a composer, and the timeline of what went over it.

import { parseHex } from "./hex.mjs";
import { closeProblem, utf8Length } from "./rules.mjs";
import { Timeline, closeRow, formatSize, sameBytes, wireSize } from "./timeline.mjs";
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

let socket = null; // the current connection, from connect until its close event
let unanswered = []; // { data, at }: what was sent and has not come back yet, oldest first
const sentBefore = { text: [], binary: [] }; // what was typed, for the arrow key

export function start() {
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
  if (socket !== null) {
    const old = socket;
    old.addEventListener("close", () => connect(), { once: true });
    old.close(1000);
    state("closing");
    return;
  }
  connect();
}

function address(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

function connect() {
  if (socket !== null) return;
  say(connectionError, "", url);
  let target, ws;
  try {
    if (url.value.trim() === "") throw new Error("An address is missing.");
    target = new URL(url.value.trim(), address("/"));
    ws = new WebSocket(target);
  } catch (err) {
    say(connectionError, connectProblem(err, target), url);
    return;
  }
  socket = ws;
  ws.binaryType = "arraybuffer";
  unanswered = [];
  let opened = false;
  state("connecting");

  ws.onopen = () => {
    opened = true;
    hideNote();
    state("open");
    timeline.add({ direction: "received", opcode: "open", data: target.href + (ws.protocol ? `, subprotocol ${ws.protocol}` : "") });
  };
  ws.onmessage = (event) => {
    const now = performance.now();
    const data = typeof event.data === "string" ? event.data : new Uint8Array(event.data);
    timeline.add({ direction: "received", opcode: opcode(data), data, size: wireSize(data), rtt: answered(data, now) });
  };
  ws.onclose = (event) => {
    socket = null;
    state("closed", opened ? `Closed with ${event.code}` : "Not connected");
    if (opened) {
      timeline.add(closeRow("received", event.code, event.reason));
      return;
    }
    timeline.add({ direction: "local", opcode: "error", data: `Could not connect to ${target.href}. A browser does not tell a page why; its console may.` });
    if (target.protocol === "wss:") showNote(target, connect);
  };
}

function connectProblem(err, target) {
  if (err.name === "SecurityError") return "A page that came over https may only open wss addresses.";
  if (err.name === "SyntaxError" && target) return `“${target.href}” is not a WebSocket address: it begins with ws:// or wss:// and has no fragment.`;
  if (err instanceof TypeError) return `“${url.value.trim()}” is not an address.`;
  return err.message;
}

function disconnect() {
  if (socket === null) return;
  if (socket.readyState === WebSocket.CONNECTING) {
    socket.close();
    return;
  }
  if (socket.readyState !== WebSocket.OPEN) return;
  const code = closeCode.value.trim();
  const reason = closeReason.value;
  const problem = closeProblem(code, reason);
  say(connectionError, problem, problem.includes("reason takes") ? closeReason : closeCode);
  if (problem !== "") return;
  if (code === "") socket.close();
  else socket.close(Number(code), reason);
  state("closing");
  timeline.add(closeRow("sent", code === "" ? undefined : Number(code), reason));
}

function send() {
  const binary = $("echo-mode-binary").checked;
  const field = binary ? hex : text;
  let data = field.value;
  if (binary) {
    try {
      data = parseHex(field.value);
    } catch (err) {
      say(sendError, err.message, field);
      return;
    }
  }
  if (socket === null || socket.readyState !== WebSocket.OPEN) {
    say(sendError, "Not connected. What you typed is kept; connect and send it again.");
    return;
  }
  say(sendError, "", field);
  const at = performance.now();
  socket.send(data);
  unanswered.push({ data, at });
  if (unanswered.length > 1000) unanswered.shift();
  timeline.add({ direction: "sent", opcode: opcode(data), data, size: wireSize(data) });
  if (field.value !== "") sentBefore[binary ? "binary" : "text"].push(field.value);
  field.value = "";
  recalled = 0;
  showCount();
}

// answered returns the time since the oldest message that data is the answer to: the same bytes, or the same text
// behind words of the server's own. Other messages, such as the clock's, are not answers.
function answered(data, now) {
  const at = unanswered.findIndex((sent) =>
    typeof data === "string"
      ? typeof sent.data === "string" && data.endsWith(sent.data)
      : typeof sent.data !== "string" && sameBytes(data, sent.data));
  if (at < 0) return undefined;
  const rtt = now - unanswered[at].at;
  unanswered.splice(0, at + 1);
  return rtt;
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

function state(name, words = { connecting: "Connecting…", open: "Connected", closing: "Closing…" }[name]) {
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
