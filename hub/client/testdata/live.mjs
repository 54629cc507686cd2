// A room as a program: node live.mjs URL. It prints its events, a line each, and does what it reads, a line each: the name
// of a method of Room, or of its socket, and the arguments in JSON. What that returns it prints, too.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { Room } from "../spout-room.js";

globalThis.WebSocket ??= createRequire(process.env.PEERS_NODE)("ws"); // node before 22 has none of its own
Math.random = () => 0; // it comes back at once

const print = (type, values) => console.log(JSON.stringify({ type, ...values }));
const room = new Room(process.argv[2]);
for (const type of ["joined", "message", "gap", "enter", "exit", "ask", "other", "close"]) {
  room.addEventListener(type, (e) => print(type, { ...e }));
}
room.addEventListener("ask", ({ data, answer }) => answer("you asked " + data));

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...args] = JSON.parse(line);
  if (method === "lose") room.socket.close();
  else if (method === "ask") print("answer", { data: await room.ask(...args) });
  else room[method](...args);
}
room.close();
