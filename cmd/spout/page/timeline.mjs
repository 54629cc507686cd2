// The timeline: a row for each frame, oldest first.

import { hexDump, hexLine } from "./hex.mjs";

const rowsKept = 1000;
const bytesKept = 64 * 1024; // of one payload, for the opened row
const encoder = new TextEncoder();

export class Timeline {
  #list;
  #scroller;
  #summary;
  #atEnd = true;
  #totals;

  constructor(list, scroller, summary) {
    this.#list = list;
    this.#scroller = scroller;
    this.#summary = summary;
    scroller.addEventListener("scroll", () => {
      this.#atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
    }, { passive: true });
    new ResizeObserver(() => this.#follow()).observe(scroller);
    this.clear();
  }

  clear() {
    this.#list.replaceChildren();
    this.#totals = { sent: { n: 0, bytes: 0 }, received: { n: 0, bytes: 0 }, rtts: [] };
    this.#summary.textContent = "";
    this.#atEnd = true;
  }

  // add appends a row. direction is "sent", "received" or "local"; opcode "open", "text", "binary", "close" or "error".
  // data is a string or a Uint8Array; size is in bytes; rtt, in milliseconds, belongs to an answer; at is when it was.
  add({ at, direction, opcode, data = "", size, rtt, code, reason }) {
    const row = document.createElement("li");
    row.dataset.direction = direction;
    row.dataset.opcode = opcode;
    if (size !== undefined) row.dataset.size = size;
    if (rtt !== undefined) row.dataset.rtt = rtt.toFixed(3);
    if (code !== undefined) row.dataset.code = code;
    if (reason !== undefined) row.dataset.reason = reason;

    const details = document.createElement("details");
    const line = document.createElement("summary");
    line.className = "row";
    line.append(
      cell("time", clock(new Date(at))),
      cell("ladder", "", { sent: "sent", received: "received", local: "" }[direction]),
      cell("opcode", opcode),
      cell("payload", preview(data)),
      cell("size", size === undefined ? "" : formatSize(size)),
      roundTrip(rtt),
    );
    details.append(line);
    const kept = keep(data);
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(detail(kept, data.length === 0));
    });
    row.append(details);

    this.#list.append(row);
    while (this.#list.childElementCount > rowsKept) this.#list.firstElementChild.remove();
    this.#count(direction, opcode, size, rtt);
    if (direction !== "received") this.#atEnd = true; // what the reader did is always in view
    this.#follow();
  }

  #count(direction, opcode, size, rtt) {
    if (opcode !== "text" && opcode !== "binary") return;
    const { sent, received, rtts } = this.#totals;
    const total = direction === "sent" ? sent : received;
    total.n++;
    total.bytes += size;
    if (rtt !== undefined) {
      rtts.push(rtt);
      if (rtts.length > rowsKept) rtts.shift();
    }
    this.#summary.replaceChildren(
      `${sent.n} sent`, cell("wide", `, ${formatSize(sent.bytes)}`), ` · ${received.n} received`, cell("wide", `, ${formatSize(received.bytes)}`));
    if (rtts.length > 0) this.#summary.append(cell("wide", ` · median ${formatTime([...rtts].sort((a, b) => a - b)[rtts.length >> 1])}`));
  }

  // follow keeps the end in view unless the reader has scrolled back.
  #follow() {
    if (this.#atEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}

function cell(name, text, spoken = "") {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  if (spoken !== "") {
    const hidden = document.createElement("span");
    hidden.className = "sr";
    hidden.textContent = spoken;
    span.append(hidden);
  }
  return span;
}

function roundTrip(rtt) {
  const span = cell("rtt", "");
  if (rtt === undefined) return span;
  const bar = document.createElement("span");
  bar.className = "bar";
  const fill = document.createElement("i");
  // Logarithmic, from 0.1 ms to 1 s.
  fill.style.width = `${Math.max(4, Math.min(100, 25 * (Math.log10(Math.max(rtt, 0.1)) + 1)))}%`;
  bar.append(fill);
  span.append(bar, cell("value", formatTime(rtt)));
  return span;
}

function preview(data) {
  if (typeof data !== "string") return hexLine(data, 48);
  return data.slice(0, 400).replace(/\r?\n/g, " ↵ ");
}

function keep(data) {
  if (typeof data === "string") return data.length > bytesKept ? data.slice(0, bytesKept) : data;
  return data.slice(0, bytesKept);
}

function detail(data, empty) {
  const box = document.createElement("div");
  box.className = "detail";
  const bar = document.createElement("p");
  const pre = document.createElement("pre");
  const text = typeof data === "string" ? data : hexDump(data);
  pre.textContent = text;
  if (typeof data !== "string") pre.className = "hex";
  const about = [];
  if (empty) about.push("No payload");
  else if (typeof data === "string") about.push(`${[...data].length} characters`);
  else about.push(`${data.length} bytes`);
  if (data.length >= bytesKept) about.push(`the first ${formatSize(bytesKept)} are shown`);
  bar.append(about.join(", "));
  if (!empty) {
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "quiet";
    copy.textContent = "Copy";
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(typeof data === "string" ? data : hexLine(data));
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "The browser did not allow it";
      }
    });
    bar.append(copy);
  }
  box.append(pre, bar);
  return box;
}

// wireSize is the number of payload bytes of a message.
export function wireSize(data) {
  return typeof data === "string" ? encoder.encode(data).length : data.length;
}

// closeRow describes a close frame, or the lack of one, as a row.
export function closeRow(direction, code, reason) {
  const meaning = closeMeanings[code] ?? (code >= 4000 ? "private use" : code >= 3000 ? "registered" : "");
  const words = [code === undefined ? "no code" : `${code}${meaning ? ` ${meaning}` : ""}`];
  if (reason) words.push(`“${reason}”`);
  const none = code === undefined || code === 1005 || code === 1006;
  return {
    direction: code === 1006 ? "local" : direction,
    opcode: "close",
    data: words.join(" "),
    size: code === 1006 ? undefined : none ? 0 : 2 + wireSize(reason),
    code: code ?? "",
    reason: reason ?? "",
  };
}

const closeMeanings = {
  1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "unsupported data", 1005: "no code in the frame",
  1006: "no close frame: the connection broke", 1007: "invalid payload", 1008: "policy violation", 1009: "message too big",
  1010: "extension missing", 1011: "internal error", 1012: "service restart", 1013: "try again later", 1014: "bad gateway",
};

function clock(t) {
  return t.toTimeString().slice(0, 8) + "." + String(t.getMilliseconds()).padStart(3, "0");
}

export function formatSize(n) {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${(n / 1024).toFixed(n < 10240 ? 1 : 0)} KiB`;
  return `${(n / 1024 / 1024).toFixed(n < 10485760 ? 1 : 0)} MiB`;
}

export function formatTime(ms) {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}
