// The Echo tab's WebSocket, in a worker: there, the time between a message and its answer has no drawing of the page in it.
//
// Orders to the worker:    { order: "connect", url }, { order: "send", data }, { order: "close", code, reason }
// Events from the worker:  { event: "refused", name } if url is none to connect to,
//                          { event: "open", protocol }, { event: "sent", data }, { event: "unsent" } if it was too late,
//                          { event: "received", data, rtt } with rtt, in milliseconds, if it is the answer to one sent,
//                          { event: "closing", code, reason } for an own close frame, { event: "closed", code, reason }
//
// data is a string or a Uint8Array. Each event also has at, the time in milliseconds since 1970.

let socket;
let unanswered = []; // { data, at }: what was sent and has not come back yet, oldest first

function tell(event) {
  postMessage({ ...event, at: Date.now() });
}

const orders = {
  connect({ url }) {
    try {
      socket = new WebSocket(url);
    } catch (err) {
      tell({ event: "refused", name: err.name });
      return;
    }
    socket.binaryType = "arraybuffer";
    unanswered = [];
    socket.onopen = () => tell({ event: "open", protocol: socket.protocol });
    socket.onmessage = (message) => {
      const now = performance.now();
      const data = typeof message.data === "string" ? message.data : new Uint8Array(message.data);
      tell({ event: "received", data, rtt: answered(data, now) });
    };
    socket.onclose = ({ code, reason }) => tell({ event: "closed", code, reason });
  },

  send({ data }) {
    if (socket.readyState !== WebSocket.OPEN) {
      tell({ event: "unsent" });
      return;
    }
    const at = performance.now();
    socket.send(data);
    unanswered.push({ data, at });
    if (unanswered.length > 1000) unanswered.shift();
    tell({ event: "sent", data });
  },

  close({ code, reason }) {
    if (socket.readyState === WebSocket.OPEN) tell({ event: "closing", code, reason });
    if (code === undefined) socket.close();
    else socket.close(code, reason);
  },
};

onmessage = ({ data }) => orders[data.order](data);

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

function sameBytes(a, b) {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}
