// A room of a spout server, for web pages. It stays in the room whatever happens to the connection: it connects again
// after a random wait that grows, resumes where it was, and tells of every gap.
//
//   import { Room } from "/spout-room.js";
//   const room = new Room("/rooms/lobby");
//   room.addEventListener("message", ({ data }) => show(data));
//   room.addEventListener("gap", ({ reason }) => show("Messages may be missing: " + reason));
//
// new Room(url, options): url is that of the WebSocket, perhaps relative, or a function that returns it or a promise of
// it, called for each connection: for tokens that expire, or to try several nodes. Options:
//   since      the position of the last message that the page has had, in an earlier life
//   remember   a name under which sessionStorage keeps the position over a reload; messages are the page's to keep
//   maxWait    bound of the wait before the next attempt, in ms; 30,000 by default
//   attempts   after so many handshakes in a row that failed, it gives up; 20 by default, about four minutes. A page is
//              not told whether the server is down or refuses it (401, 403), and must not ask for ever.
//
// Events, with their properties; data is a string or a Uint8Array:
//   joined        room, position, recovered (all that was missed follows), replayed (so many messages), id, members
//   message       room, position, data
//   gap           room, position, reason: before the next message, some may be missing
//   enter, exit   room, member
//   ask           data, answer(data), fail(reason): the server wants an answer; call one of both
//   other         data: a message of the server's that belongs to no room
//   close         code, reason, retry: the connection has ended, or could not be made; the next attempt is in retry ms.
//                 Without retry there is none: the page has called close(), the server has closed with 1000, 1008 or
//                 1009, or all attempts have failed. connect() begins anew.
//
// send(data) throws when there is no connection. ask(data, { timeout }) returns a promise of the server's answer, rejected
// if that is an error or takes longer than 10,000 ms or the timeout. close() leaves. position is where to resume; socket
// the WebSocket of now: socket.close() loses it on purpose. A browser without network may take minutes to notice.

const FIRST_WAIT = 500, LONG_ENOUGH = 10_000; // ms; a connection that has lasted LONG_ENOUGH was no failure
const MAX_OPEN = 100; // questions without an answer

export class Room extends EventTarget {
  #url; #remember; #maxWait; #attempts;
  #since; #first; #rooms = new Map(); // by name: { here, known, last, top }
  #run; #socket; #opened; #timer; #failures; #unopened;
  #asks = new Map(); #lastID = 0;

  constructor(url, { since = "", remember, maxWait = 30_000, attempts = 20 } = {}) {
    super();
    if (typeof url !== "function") new URL(url, globalThis.location?.href); // throws here, not at each attempt
    [this.#url, this.#remember, this.#maxWait, this.#attempts] = [url, remember, maxWait, attempts];
    this.#since = parse((remember && sessionStorage.getItem(remember)) || since);
    this.connect();
  }

  get position() { return text(this.#first ? this.#first.last : this.#since); }
  get socket() { return this.#socket; }
  connect() {
    if (this.#run) return;
    this.#failures = this.#unopened = 0;
    this.#connect(this.#run = {});
  }

  close() {
    const socket = this.#socket;
    if (this.#run) this.#ended(1000, "");
    socket?.close(1000);
  }

  send(data) {
    if (this.#socket?.readyState !== 1) throw new Error("spout-room: not connected");
    this.#socket.send(data);
  }

  ask(data, { timeout = 10_000 } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#asks.size >= MAX_OPEN) throw new Error(`spout-room: ${MAX_OPEN} questions have no answer yet`);
      const id = (++this.#lastID).toString(36);
      this.send(JSON.stringify({ type: "ask", id, ...enclose(data) }));
      const settle = (f, value) => { clearTimeout(timer); this.#asks.delete(id); f(value); };
      const fail = (reason) => settle(reject, new Error(reason));
      const timer = setTimeout(fail, timeout, "spout-room: no answer in time");
      this.#asks.set(id, { resolve: (answer) => settle(resolve, answer), reject: fail });
    });
  }

  async #connect(run) {
    try {
      const url = new URL(typeof this.#url === "function" ? await this.#url() : this.#url, globalThis.location?.href);
      if (run !== this.#run) return;
      url.protocol = url.protocol.replace("http", "ws");
      url.searchParams.set("position", this.position);
      const socket = this.#socket = new WebSocket(url);
      const current = (f) => (event) => { if (socket === this.#socket) f(event); };
      socket.binaryType = "arraybuffer";
      socket.onopen = current(() => { this.#unopened = 0; this.#opened = performance.now(); });
      socket.onmessage = current(({ data }) => this.#received(typeof data === "string" ? data : new Uint8Array(data)));
      socket.onclose = current(({ code, reason }) => this.#ended(code, reason));
    } catch (error) {
      if (run === this.#run) this.#ended(1006, String(error));
    }
  }

  // #ended forgets the connection and what was to come from it, and waits for the next one if there is to be one.
  #ended(code, reason) {
    if (this.#opened === undefined) this.#unopened++;
    else if (performance.now() - this.#opened >= LONG_ENOUGH) this.#failures = 0;
    this.#socket = this.#opened = undefined;
    clearTimeout(this.#timer);
    for (const room of this.#rooms.values()) room.here = false;
    for (const ask of this.#asks.values()) ask.reject("spout-room: the connection ended before the answer came");
    const over = [1000, 1008, 1009].includes(code) || this.#unopened >= this.#attempts;
    const retry = over ? undefined : Math.random() * Math.min(this.#maxWait, FIRST_WAIT * 2 ** this.#failures++);
    if (over) this.#run = undefined;
    else this.#timer = setTimeout(() => this.#connect(this.#run), retry);
    this.#tell("close", { code, reason, retry });
  }

  #tell(type, values) { this.dispatchEvent(Object.assign(new Event(type), values)); }

  #received(raw) {
    let e = {}, data, position;
    try {
      if (typeof raw === "string") e = JSON.parse(raw) ?? {};
      data = e.binary === undefined ? e.text : Uint8Array.from(atob(e.binary), (c) => c.charCodeAt(0));
      position = parse(e.position ?? "");
    } catch {
      e = {}; // it is no envelope
    }
    if (e.type === "joined") this.#joined(e, position);
    else if (["message", "gap", "enter", "exit"].includes(e.type)) this.#inRoom(e, position, data);
    else if (e.type === "answer") this.#asks.get(e.id)?.[data === undefined ? "reject" : "resolve"](data ?? e.error);
    else if (e.type === "ask") this.#asked(e.id, data, this.#socket);
    else this.#tell("other", { data: raw });
  }

  #asked(id, data, socket) {
    const send = (answer) => socket.send(JSON.stringify({ type: "answer", id, ...answer }));
    const fail = (reason) => send({ error: String(reason?.message ?? reason) });
    this.#tell("ask", { data, answer: (answer) => send(enclose(answer)), fail });
  }

  #joined({ room: name, recovered = false, replayed = 0, id, members }, position) {
    const room = this.#rooms.get(name) ?? { last: this.#first ? parse("") : this.#since };
    this.#rooms.set(name, room);
    this.#first ??= room;
    const { last, known = last.epoch !== "" } = room;
    recovered &&= known && last.epoch !== "" && position.epoch === last.epoch && position.offset >= last.offset;
    if (!recovered) room.last = { epoch: position.epoch, offset: 0n }; // the replay begins anywhere
    if (replayed === 0) room.last = position;
    Object.assign(room, { here: true, known: true, top: position.offset });
    const kept = last.epoch ? `the server has not kept all that came after ${text(last)}` : "the room has no history";
    if (known && !recovered) this.#tell("gap", { room: name, position: text(position), reason: kept });
    if (!room.here) return; // the page has left at the gap
    this.#tell("joined", { room: name, position: text(position), recovered, replayed, id, members });
    this.#keep();
  }

  #inRoom({ type, room: name, reason, member }, position, data) {
    const room = this.#rooms.get(name);
    if (!room?.here) return this.#doubt("an envelope of a room that is not joined");
    const { last, top } = room;
    if (type === "gap") {
      // One that was held up while messages were replayed comes after some of them.
      if (position.epoch !== last.epoch || position.offset > last.offset) room.last = position;
      room.top = room.last.offset;
      this.#tell("gap", { room: name, position: text(room.last), reason });
    } else if (type !== "message") {
      this.#tell(type, { room: name, member });
    } else {
      if (position.epoch !== last.epoch) return this.#doubt("a message of another epoch of the room");
      if (position.epoch && position.offset <= last.offset) return; // the page has had it
      if (last.offset < top && top < position.offset) {
        room.top = last.offset;
        const short = `the server said that it replays up to offset ${top}, and ended with ${last.offset}`;
        this.#tell("gap", { room: name, position: text(last), reason: short });
        if (!room.here) return;
      }
      room.last = position;
      this.#tell("message", { room: name, position: text(position), data });
    }
    this.#keep();
  }

  // #doubt ends a connection whose server contradicts itself: only a new one tells how the room stands.
  #doubt(what) {
    this.#socket.close(4000, "spout-room: unexpected envelope");
    this.#ended(1002, "the server sent " + what);
  }

  #keep() { if (this.#remember) sessionStorage.setItem(this.#remember, this.position); }
}

// A position is { epoch, offset }, in text epoch:offset. An offset may be larger than what a number can hold.
function parse(position) {
  const [epoch, offset = "0"] = position.split(":");
  return { epoch, offset: BigInt(offset) };
}

function text({ epoch, offset }) { return epoch && `${epoch}:${offset}`; }

// enclose returns what an envelope has of a message.
function enclose(data) {
  if (typeof data === "string") return { text: data };
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
  return { binary: btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join("")) };
}
