// The script over sockets and a clock that the test moves. Run by TestScript, or with: node --test testdata/

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { beforeEach } from "node:test";

import { Room } from "../spout-room.js";

// Sockets, each as far as the test has taken it.
const sockets = [];
globalThis.WebSocket = class {
  readyState = 0;
  sent = [];
  constructor(url) {
    this.url = new URL(url);
    assert.match(this.url.protocol, /^wss?:$/);
    sockets.push(this);
  }
  send(data) { this.sent.push(data); }
  close(code) {
    this.closed = code;
    this.readyState = 2;
  }
  open() {
    this.readyState = 1;
    this.onopen();
    return this;
  }
  say(...envelopes) {
    for (const e of envelopes) this.onmessage({ data: JSON.stringify(e) });
  }
  lose(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
};
const latest = () => sockets.at(-1);

// A clock, and what waits for it.
let now = 0, timers = [];
const tick = (ms) => {
  const end = now + ms;
  for (;;) {
    timers.sort((a, b) => a.at - b.at);
    if (timers.length === 0 || timers[0].at > end) break;
    const timer = timers.shift();
    now = timer.at;
    timer.f(...timer.args);
  }
  now = end;
};
globalThis.setTimeout = (f, ms, ...args) => {
  const timer = { f, args, at: now + ms };
  timers.push(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => { timers = timers.filter((t) => t !== timer); };
performance.now = () => now;
let random = 0.5;
Math.random = () => random;
const stored = new Map();
globalThis.sessionStorage = { getItem: (k) => stored.get(k) ?? null, setItem: (k, v) => stored.set(k, v) };

beforeEach(() => {
  sockets.length = 0;
  timers = [];
  random = 0.5;
  stored.clear();
});

const types = ["joined", "message", "gap", "enter", "exit", "ask", "other", "close"];
// follow collects the events of a room.
function follow(room) {
  const events = [];
  for (const type of types) room.addEventListener(type, (e) => events.push(e));
  return events;
}
const url = "ws://example.com/rooms/lobby";
const joined = { type: "joined", room: "lobby", position: "e:3" };
const message = (offset) => ({ type: "message", room: "lobby", position: "e:" + offset, text: String(offset) });
const turn = () => new Promise((resolve) => setImmediate(resolve)); // everything that is ready has run

for (const { name, server, client, since } of JSON.parse(readFileSync(new URL("recovery.json", import.meta.url)))) {
  test("recovery: " + name, () => {
    const room = new Room(url);
    const got = [];
    for (const type of types) {
      room.addEventListener(type, (e) => {
        if (type === "message") got.push(e.data);
        else if (type !== "close") got.push(type + (e.recovered ? "+" : ""));
        else if (e.code === 1002) got.push("!");
      });
    }
    latest().open();
    for (const e of server) {
      if (e) {
        latest().say(e);
        continue;
      }
      latest().lose();
      tick(500);
      latest().open();
    }
    assert.equal(got.join(" "), client);
    assert.equal(room.position, since);
  });
}

test("it joins again with its position", () => {
  const room = new Room(url + "?user=7", { since: "e:1" });
  assert.equal(latest().url.href, url + "?user=7&position=e%3A1");
  latest().open().say({ ...joined, recovered: true, replayed: 2 }, message(2), message(3));
  latest().lose();
  tick(500);
  assert.equal(sockets.length, 2);
  assert.equal(latest().url.searchParams.get("position"), "e:3");
  assert.equal(room.socket, latest());
});

test("URLs", async () => {
  globalThis.location = { href: "https://example.com/chat/?x=1" };
  try {
    for (const [given, want] of [
      ["/rooms/lobby", "wss://example.com/rooms/lobby?position="],
      ["lobby?a=b#c", "wss://example.com/chat/lobby?a=b&position=#c"],
      ["http://other.example/", "ws://other.example/?position="],
      [new URL("wss://other.example/"), "wss://other.example/?position="],
    ]) {
      new Room(given);
      assert.equal(latest().url.href, want);
    }
    assert.throws(() => new Room("http://"), TypeError);
    assert.throws(() => new Room(url, { since: "e:x" }), SyntaxError);

    let n = 0;
    const events = follow(new Room(async () => {
      if (++n === 2) throw new Error("no token");
      return "/rooms/lobby?token=" + n;
    }));
    await turn();
    assert.equal(latest().url.href, "wss://example.com/rooms/lobby?token=1&position=");
    latest().lose();
    tick(500);
    await turn();
    assert.match(events[1].reason, /no token/);
    assert.equal(events[1].code, 1006);
    tick(1000);
    await turn();
    assert.equal(latest().url.searchParams.get("token"), "3");
  } finally {
    delete globalThis.location;
  }
});

test("the wait grows at random to its bound, and begins anew after a connection that has lasted", () => {
  const events = follow(new Room(url, { attempts: Infinity }));
  const lose = (after) => {
    if (after !== undefined) latest().open();
    tick(after ?? 0);
    latest().lose();
    const { retry } = events.at(-1);
    const count = sockets.length;
    tick(retry - 1);
    assert.equal(sockets.length, count, "it came too early");
    tick(1);
    assert.equal(sockets.length, count + 1, "it came too late");
    return retry;
  };
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(() => lose()), [250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  random = 0.1;
  assert.equal(lose(9_999), 3000);
  assert.equal(lose(10_000), 50);
  assert.equal(lose(0), 100);
  for (let i = 0; i < 2000; i++) assert.ok(lose() <= 3000);
});

test("maxWait", () => {
  const events = follow(new Room(url, { maxWait: 100 }));
  latest().lose();
  assert.equal(events[0].retry, 50);
});

test("what ends it", () => {
  for (const [code, final] of [[1000, true], [1001, false], [1002, false], [1005, false], [1006, false], [1008, true], [1009, true], [1011, false],
    [1012, false], [1013, false], [4000, false]]) {
    const events = follow(new Room(url));
    latest().open().lose(code, "why");
    const [{ type, code: told, reason, retry }] = events;
    assert.deepEqual([type, told, reason, retry === undefined, events.length], ["close", code, "why", final, 1]);
    const count = sockets.length;
    tick(60_000);
    assert.equal(sockets.length, final ? count : count + 1, `after ${code}`);
  }
});

test("handshakes that fail end it, in the end", () => {
  const room = new Room(url, { attempts: 3 });
  const events = follow(room);
  const fail = () => {
    latest().lose();
    tick(30_000);
    return events.at(-1).retry === undefined;
  };
  assert.deepEqual([fail(), fail()], [false, false]);
  latest().open();
  assert.deepEqual([fail(), fail(), fail(), fail()], [false, false, false, true]);
  const count = sockets.length;
  tick(3_600_000);
  assert.equal(sockets.length, count);
  room.connect();
  assert.equal(sockets.length, count + 1);
  assert.deepEqual([fail(), fail(), fail()], [false, false, true]);
});

test("close", async () => {
  const room = new Room(url);
  const events = follow(room);
  const socket = latest().open();
  room.connect(); // it is connected
  assert.equal(sockets.length, 1);
  room.close();
  room.close();
  assert.equal(socket.closed, 1000);
  socket.say(joined);
  socket.lose(1000);
  assert.deepEqual(events.map((e) => [e.type, e.code, e.retry]), [["close", 1000, undefined]]);

  room.connect();
  latest().lose(); // and while it waits
  room.close();
  tick(60_000);
  assert.equal(sockets.length, 2);

  let give; // and while the page looks for a URL
  const late = new Room(() => new Promise((resolve) => { give = resolve; }));
  late.close();
  give(url);
  await turn();
  assert.equal(sockets.length, 2);
});

test("what follows a gap does not come when the page leaves there", () => {
  const room = new Room(url, { since: "e:1" });
  const events = follow(room);
  room.addEventListener("gap", () => room.close());
  latest().open().say(joined);
  assert.deepEqual(events.map((e) => e.type), ["gap", "close"]);
  room.connect();
  latest().open().say({ ...joined, position: "e:9", recovered: true, replayed: 6 }, message(4), message(10));
  assert.deepEqual(events.slice(2).map((e) => e.data ?? e.type), ["joined", "4", "gap", "close"]);
  assert.equal(room.position, "e:4");
});

test("remember", () => {
  const first = new Room(url, { remember: "lobby" });
  latest().open().say(joined, message(4));
  assert.equal(stored.get("lobby"), "e:4");
  assert.equal(first.position, "e:4");
  const second = new Room(url, { remember: "lobby", since: "e:2" });
  assert.equal(latest().url.searchParams.get("position"), "e:4");
  latest().open().say({ ...joined, position: "e:5", recovered: true, replayed: 1 }, message(5), { type: "gap", room: "lobby", position: "f:1" });
  assert.equal(stored.get("lobby"), "f:1");
  assert.equal(second.position, "f:1");
});

test("events", () => {
  const events = follow(new Room(url));
  const member = { id: "m-1", node: "a", data: { name: "Ann" } };
  latest().open().say({ ...joined, replayed: 0, id: "m-1", members: [member] }, { type: "enter", room: "lobby", member },
    { type: "exit", room: "lobby", member }, { type: "message", room: "lobby", position: "e:4", binary: "AP8=" });
  const [came, enter, exit, binary] = events;
  assert.deepEqual([came.room, came.position, came.recovered, came.replayed, came.id, came.members], ["lobby", "e:3", false, 0, "m-1", [member]]);
  assert.deepEqual([enter.type, enter.room, enter.member], ["enter", "lobby", member]);
  assert.deepEqual([exit.type, exit.room, exit.member], ["exit", "lobby", member]);
  assert.deepEqual(binary.data, new Uint8Array([0, 255]));

  const others = ["no JSON", "null", "7", '{"type":"mine"}', '{"type":"message","room":"lobby","position":"e:x"}', '{"type":"joined","position":7}'];
  for (const data of others) latest().onmessage({ data });
  latest().onmessage({ data: new Uint8Array([1, 2]).buffer });
  assert.deepEqual(events.slice(4).map((e) => [e.type, e.data]), [...others, new Uint8Array([1, 2])].map((data) => ["other", data]));
});

test("send and ask", async () => {
  const room = new Room(url);
  assert.throws(() => room.send("too early"), /not connected/);
  await assert.rejects(room.ask("too early"), /not connected/);
  const socket = latest().open();
  room.send("hello");
  assert.deepEqual(socket.sent.splice(0), ["hello"]);

  const answers = [room.ask("what"), room.ask(new Uint8Array([0, 255])), room.ask(new Uint8Array([1, 2, 3]).subarray(1, 2)), room.ask(new Uint8Array([7]).buffer)];
  const asked = socket.sent.splice(0).map((m) => JSON.parse(m));
  assert.deepEqual(asked.map(({ type, text, binary }) => text ?? binary), ["what", "AP8=", "Ag==", "Bw=="]);
  assert.ok(asked.every((m) => m.type === "ask"));
  assert.equal(new Set(asked.map((m) => m.id)).size, 4);
  for (const [i, answer] of [{ error: "no idea" }, { text: "" }, { binary: "AP8=" }, { text: "last" }].entries()) {
    socket.say({ type: "answer", id: asked[i].id, ...answer }, { type: "answer", id: asked[i].id, text: "again" });
  }
  await assert.rejects(answers[0], { message: "no idea" });
  assert.deepEqual(await Promise.all(answers.slice(1)), ["", new Uint8Array([0, 255]), "last"]);

  for (const [options, ms] of [[undefined, 10_000], [{ timeout: 50 }, 50]]) {
    const slow = room.ask("?", options);
    let over = false;
    slow.catch(() => { over = true; });
    tick(ms - 1);
    await turn();
    assert.ok(!over);
    tick(1);
    await assert.rejects(slow, /no answer in time/);
  }
  assert.equal(timers.length, 0);

  const many = Array.from({ length: 101 }, () => room.ask("?"));
  await assert.rejects(many.pop(), /100 questions/);
  socket.lose();
  for (const result of await Promise.allSettled(many)) assert.match(result.reason.message, /ended before the answer/);
  assert.equal(timers.length, 1); // that of the next connection
});

test("the server asks", () => {
  const room = new Room(url);
  room.addEventListener("ask", ({ data, answer, fail }) => {
    if (data === "?") answer("!");
    else if (data instanceof Uint8Array) answer(data);
    else fail(new Error("what?"));
  });
  const socket = latest().open();
  socket.say({ type: "ask", id: "a", text: "?" }, { type: "ask", id: "b", binary: "AP8=" }, { type: "ask", id: "c", text: "x" });
  assert.deepEqual(socket.sent.map((m) => JSON.parse(m)),
    [{ type: "answer", id: "a", text: "!" }, { type: "answer", id: "b", binary: "AP8=" }, { type: "answer", id: "c", error: "what?" }]);
});
