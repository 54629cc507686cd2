// The Chat tab. What goes over the wire is described in chat.go; how the page stays in the room, in spout-room.js.

import { say } from "./echo.mjs";
import { labelProblem, sayProblem } from "./rules.mjs";
import { hideNote, showNote } from "./note.mjs";
import { Room } from "./spout-room.js";
import * as talk from "./talk.mjs";

const $ = (id) => document.getElementById(id);
const roomField = $("chat-room");
const nameField = $("chat-name");
const joinButton = $("chat-join");
const leaveButton = $("chat-leave");
const dropButton = $("chat-drop");
const status = $("chat-status");
const entryError = $("chat-entry-error");
const retry = $("chat-retry");
const retryIn = $("chat-retry-in");
const text = $("chat-text");
const textError = $("chat-error");

// The page's own node comes first; when it can't be reached, the next is tried.
const others = document.documentElement.dataset.ports.split(" ").filter((port) => port !== "" && port !== location.port);
const nodes = [location.origin, ...others.map((port) => `${location.protocol}//${location.hostname}:${port}`)];

const idsKept = 20;

let wanted = null; // { room, name } from Join until Leave, whatever the connection does
let room = null; // the Room for it
let node = 0; // the one that is tried next
let inside = false; // it has let us in
let lostAt = 0; // when the connection was lost, 0 before the first
let replaying = 0; // messages of the room's history that are still to come
let timer = 0;
const ids = JSON.parse(sessionStorage.getItem("chat-ids") ?? "[]"); // one's own, in this tab

export function start() {
  roomField.value = sessionStorage.getItem("chat-room") ?? roomField.value;
  nameField.value = sessionStorage.getItem("chat-name") ?? `guest-${Math.floor(Math.random() * 9000 + 1000)}`;
  talk.start();

  $("chat-entry").addEventListener("submit", (event) => {
    event.preventDefault();
    join();
  });
  for (const field of [roomField, nameField]) field.addEventListener("input", showButtons);
  leaveButton.addEventListener("click", leave);
  dropButton.addEventListener("click", drop);
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
  // A page that is left may be kept for the Back button with its socket open, and would stay a member that hears nothing.
  addEventListener("pagehide", hangUp);
  addEventListener("pageshow", (event) => {
    if (event.persisted) room?.connect();
  });
  if (sessionStorage.getItem("chat-joined")) join(); // it was reloaded
}

function join() {
  const next = { room: roomField.value.trim(), name: nameField.value.trim() };
  for (const [field, what, value] of [[roomField, "The room's name", next.room], [nameField, "Your name", next.name]]) {
    const problem = labelProblem(what, value);
    say(entryError, problem, field);
    if (problem !== "") return;
  }
  if (wanted !== null) {
    if (wanted.room === next.room && wanted.name === next.name) return;
    leave();
  }
  sessionStorage.setItem("chat-room", next.room);
  sessionStorage.setItem("chat-name", next.name);
  sessionStorage.setItem("chat-joined", "yes");
  talk.clear();
  wanted = next;
  lostAt = node = 0;
  room = new Room(address);
  for (const [type, receive] of Object.entries(events)) {
    const from = room; // one that was left speaks no more
    room.addEventListener(type, (event) => {
      if (room === from) receive(event);
    });
  }
}

function leave() {
  if (wanted === null) return;
  talk.note(`You left ${wanted.room}.`);
  out("Not in a room");
}

// out is the end of being in a room.
function out(words) {
  sessionStorage.removeItem("chat-joined");
  clearTimeout(timer);
  const old = room;
  wanted = room = null;
  inside = false;
  old.close();
  talk.present([], "");
  state("out", words);
}

// address is where the next connection goes.
function address() {
  clearTimeout(timer);
  state("connecting", lostAt === 0 ? "Connecting…" : "Connecting again…");
  const url = new URL(`/ws/chat/${encodeURIComponent(wanted.room)}`, nodes[node]);
  url.searchParams.set("name", wanted.name);
  return url;
}

const events = {
  joined({ replayed, recovered, id, members }) {
    inside = true;
    replaying = replayed;
    ids.push(id);
    if (ids.length > idsKept) ids.shift();
    sessionStorage.setItem("chat-ids", JSON.stringify(ids));
    talk.present(members, id);
    hideNote();
    say(textError, "");
    const where = talk.ownNode();
    state("open", `In ${wanted.room} as ${wanted.name}${where === "" ? "" : `, on node ${where}`}`);
    if (lostAt === 0) {
      talk.note(`You joined ${wanted.room}.${replayed === 0 ? "" : ` What was said before (${count(replayed)}):`}`);
      return;
    }
    const away = `Back after ${((performance.now() - lostAt) / 1000).toFixed(1)} s`;
    if (!recovered) talk.note(`${away}.`);
    else talk.note(`${away}: ${replayed === 0 ? "nothing was missed" : `${count(replayed)} recovered`}.`, { recovered: replayed });
  },

  message({ data }) {
    const { id, name, at, text: words } = JSON.parse(data);
    const marks = {};
    if (ids.includes(id)) marks.mine = "";
    if (id === "") marks.server = "";
    if (replaying > 0) {
      replaying--;
      marks.replayed = "";
    }
    talk.line("said", words, { who: name, at, marks });
  },

  gap({ reason }) {
    talk.note(`Messages may be missing: ${reason}.`, { gap: "" });
  },

  enter({ member }) {
    talk.enter(member);
  },

  exit({ member }) {
    talk.exit(member);
  },

  // What could not be said.
  other({ data }) {
    const { type, text: words, reason } = JSON.parse(data);
    if (type !== "unsaid") return;
    if (text.value === "") text.value = words;
    say(textError, `Not said: ${reason}.`, text);
  },

  close({ code, reason, retry: wait }) {
    const was = inside;
    inside = false;
    talk.present([], "");
    if (wait === undefined && code !== 1006) {
      talk.note(`The server has ended the connection: ${reason || code}.`);
      out(`Closed with ${code}`);
      return;
    }
    if (was) {
      lostAt = performance.now();
      talk.note(code === 1012 ? "The server is restarting." : `The connection was lost (${code}${reason ? ` ${reason}` : ""}).`);
    } else {
      if (new URL(nodes[node]).protocol === "https:") showNote(new URL(nodes[node]), connectNow);
      node = (node + 1) % nodes.length;
    }
    countDown(wait, !was ? "Could not connect; trying again" : code === 1012 ? "The server is restarting; connecting again" : "Connection lost; connecting again");
  },
};

function count(n) {
  return n === 1 ? "1 message" : `${n} messages`;
}

// countDown shows the wait until the next attempt. If wait is undefined, there is none until one asks for it.
function countDown(wait, words) {
  retryIn.parentElement.hidden = wait === undefined;
  if (wait === undefined) {
    state("waiting", "The server can't be reached");
    return;
  }
  const until = performance.now() + wait;
  state("waiting", words);
  const tick = () => {
    const left = Math.max(0, until - performance.now());
    retryIn.textContent = Math.ceil(left / 1000);
    timer = setTimeout(tick, Math.min(left, 250) + 1);
  };
  tick();
}

function connectNow() {
  if (room === null || inside) return;
  hangUp();
  room.connect();
}

// hangUp ends the connection, until room.connect.
function hangUp() {
  if (room === null) return;
  if (inside) lostAt = performance.now();
  inside = false;
  const same = room;
  room = null; // its end is no news
  same.close();
  room = same;
}

// drop has the server lose the connection, without a word to the page.
function drop() {
  if (!inside) return;
  room.send(JSON.stringify({ type: "drop" }));
}

function send() {
  if (text.value.trim() === "") return;
  const problem = sayProblem(text.value);
  if (problem !== "") {
    say(textError, problem, text);
    return;
  }
  try {
    if (!inside) throw new Error("not in a room");
    room.send(JSON.stringify({ type: "say", text: text.value }));
  } catch {
    say(textError, wanted === null ? "Join a room first. What you typed is kept." : "Not connected at the moment. What you typed is kept; send it when the connection is back.");
    return;
  }
  say(textError, "");
  text.value = "";
}

function state(now, words) {
  status.dataset.state = now;
  status.textContent = words;
  retry.hidden = now !== "waiting";
  dropButton.hidden = now !== "open";
  leaveButton.setAttribute("aria-disabled", String(now === "out"));
  showButtons();
}

// showButtons greys Join out while it would change nothing.
function showButtons() {
  joinButton.setAttribute("aria-disabled", String(wanted !== null && wanted.room === roomField.value.trim() && wanted.name === nameField.value.trim()));
}
