// The Chat tab. What goes over the wire is described in chat.go.

import { backoff } from "./backoff.mjs";
import { say } from "./echo.mjs";
import { labelProblem, sayProblem } from "./rules.mjs";
import { hideNote, showNote } from "./note.mjs";

const $ = (id) => document.getElementById(id);
const room = $("chat-room");
const name = $("chat-name");
const joinButton = $("chat-join");
const leaveButton = $("chat-leave");
const status = $("chat-status");
const entryError = $("chat-entry-error");
const retry = $("chat-retry");
const retryIn = $("chat-retry-in");
const memberList = $("chat-members");
const log = $("chat-log");
const scroller = log.closest(".scroll");
const text = $("chat-text");
const textError = $("chat-error");

const linesKept = 1000;
const steady = 5000; // ms: a connection that lasted as long starts the backoff anew
const final = new Set([1003, 1007, 1008, 1009]); // trying again would end the same way

let joined = null; // { room, name } from Join until Leave, whatever the connection does
let socket = null;
let attempt = 0;
let timer = 0;
let you = 0;
let members = new Map(); // id to name
let atEnd = true;

export function start() {
  room.value = sessionStorage.getItem("chat-room") ?? room.value;
  name.value = sessionStorage.getItem("chat-name") ?? `guest-${Math.floor(Math.random() * 9000 + 1000)}`;

  $("chat-entry").addEventListener("submit", (event) => {
    event.preventDefault();
    join();
  });
  for (const field of [room, name]) field.addEventListener("input", showJoin);
  leaveButton.addEventListener("click", leave);
  $("chat-retry-now").addEventListener("click", connectNow);
  $("chat-composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  text.addEventListener("input", () => say(textError, ""));
  scroller.addEventListener("scroll", () => {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
  }, { passive: true });
  new ResizeObserver(follow).observe(scroller);
  // A page that is left may be kept for the Back button with its socket open, and would stay a member that hears nothing.
  addEventListener("pagehide", hangUp);
  addEventListener("pageshow", (event) => {
    if (event.persisted) connectNow();
  });
}

function join() {
  const wanted = { room: room.value.trim(), name: name.value.trim() };
  for (const [field, what, value] of [[room, "The room's name", wanted.room], [name, "Your name", wanted.name]]) {
    const problem = labelProblem(what, value);
    say(entryError, problem, field);
    if (problem !== "") return;
  }
  if (joined !== null) {
    if (joined.room === wanted.room && joined.name === wanted.name) return;
    leave();
  }
  sessionStorage.setItem("chat-room", wanted.room);
  sessionStorage.setItem("chat-name", wanted.name);
  joined = wanted;
  attempt = 0;
  connect();
}

function leave() {
  if (joined === null) return;
  note(`You left ${joined.room}.`);
  joined = null;
  clearTimeout(timer);
  const old = socket;
  socket = null;
  old?.close(1000, "left");
  showMembers(new Map());
  state("out", "Not in a room");
}

function connect() {
  clearTimeout(timer);
  state("connecting", attempt === 0 ? "Connecting…" : `Connecting, attempt ${attempt + 1}…`);
  const target = new URL(`/ws/chat/${encodeURIComponent(joined.room)}`, location.href);
  target.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  target.searchParams.set("name", joined.name);
  const ws = new WebSocket(target);
  let openedAt = null;
  socket = ws;
  // A connection that was left speaks no more.
  ws.onopen = () => {
    if (socket !== ws) return;
    openedAt = performance.now();
    hideNote();
  };
  ws.onmessage = (event) => {
    if (socket === ws) receive(JSON.parse(event.data));
  };
  ws.onclose = (event) => {
    if (socket !== ws) return;
    socket = null;
    showMembers(new Map());
    if (openedAt === null && target.protocol === "wss:") showNote(target, connectNow);
    if (final.has(event.code)) {
      note(`The server closed the connection: ${event.reason || event.code}.`);
      joined = null;
      state("out", `Closed with ${event.code}`);
      return;
    }
    if (openedAt !== null) note(event.code === 1012 ? "The server is restarting." : `The connection was lost (${event.code}${event.reason ? ` ${event.reason}` : ""}).`);
    if (openedAt !== null && performance.now() - openedAt > steady) attempt = 0;
    wait(openedAt === null ? "Could not connect; trying again" : event.code === 1012 ? "The server is restarting; connecting again" : "Connection lost; connecting again");
  };
}

// wait counts down to the next attempt, in view.
function wait(words) {
  const until = performance.now() + backoff(attempt);
  attempt++;
  state("waiting", `${words} (attempt ${attempt + 1})`);
  const tick = () => {
    const left = until - performance.now();
    if (left <= 0) {
      connect();
      return;
    }
    retryIn.textContent = Math.ceil(left / 1000);
    timer = setTimeout(tick, Math.min(left, 250));
  };
  tick();
}

function hangUp() {
  clearTimeout(timer);
  const old = socket;
  socket = null;
  old?.close(1000, "left");
}

function connectNow() {
  if (joined !== null && socket === null) connect();
}

function receive(message) {
  switch (message.type) {
    case "members":
      you = message.you;
      showMembers(new Map(message.members.map((m) => [m.id, m.name])));
      say(textError, "");
      state("open", `In ${joined.room} as ${joined.name}`);
      note(`You joined ${joined.room}.`);
      break;
    case "joined":
      showMembers(members.set(message.id, message.name));
      line("joined", `${message.name} joined.`);
      break;
    case "left":
      members.delete(message.id);
      showMembers(members);
      line("left", `${message.name} left.`);
      break;
    case "said":
      line("said", message.text, message.name, message.id === you);
      break;
  }
}

function send() {
  if (text.value.trim() === "") return;
  const problem = sayProblem(text.value);
  if (problem !== "") {
    say(textError, problem, text);
    return;
  }
  if (status.dataset.state !== "open" || socket?.readyState !== WebSocket.OPEN) {
    say(textError, joined === null ? "Join a room first. What you typed is kept." : "Not connected at the moment. What you typed is kept; send it when the connection is back.");
    return;
  }
  say(textError, "");
  socket.send(JSON.stringify({ type: "say", text: text.value }));
  text.value = "";
}

function note(words) {
  line("note", words);
}

function line(type, words, who, mine) {
  const row = document.createElement("li");
  row.dataset.type = type;
  if (mine) row.dataset.mine = "";
  const now = new Date();
  const parts = [["time", now.toTimeString().slice(0, 8)], ...(who === undefined ? [] : [["name", who]]), ["text", words]];
  for (const [part, content] of parts) {
    const span = document.createElement("span");
    span.className = part;
    span.textContent = content;
    row.append(span);
  }
  log.append(row);
  while (log.childElementCount > linesKept) log.firstElementChild.remove();
  follow();
}

function follow() {
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}

function showMembers(now) {
  members = now;
  memberList.replaceChildren(...[...members].map(([id, who]) => {
    const item = document.createElement("li");
    item.dataset.id = id;
    item.textContent = who;
    if (id === you) {
      const mark = document.createElement("span");
      mark.className = "you";
      mark.textContent = " (you)";
      item.append(mark);
    }
    return item;
  }));
}

function state(now, words) {
  status.dataset.state = now;
  status.textContent = words;
  retry.hidden = now !== "waiting";
  leaveButton.setAttribute("aria-disabled", String(now === "out"));
  showJoin();
}

// showJoin greys Join out while it would change nothing.
function showJoin() {
  joinButton.setAttribute("aria-disabled", String(joined !== null && joined.room === room.value.trim() && joined.name === name.value.trim()));
}
