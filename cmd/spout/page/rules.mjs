// What may be sent. Each function returns "" or a sentence that says what is wrong.

const encoder = new TextEncoder();

// utf8Length is the number of bytes that text takes on the wire.
export function utf8Length(text) {
  return encoder.encode(text).length;
}

// closeProblem checks what WebSocket.close allows: no code, 1000 or 3000-4999, and a reason of at most 123 bytes.
export function closeProblem(code, reason) {
  if (code === "") return reason === "" ? "" : "A reason needs a close code.";
  if (!/^\d+$/.test(code)) return `A close code is a number; “${code}” is not.`;
  const n = Number(code);
  if (n !== 1000 && (n < 3000 || n > 4999)) return `A browser may close with 1000 or 3000 to 4999, not with ${n}.`;
  const size = utf8Length(reason);
  if (size > 123) return `A reason takes at most 123 bytes; this one takes ${size}.`;
  return "";
}

// labelProblem checks the name of a room or of a member, with the server's own rule (label in chat.go).
export function labelProblem(what, label) {
  if (label === "") return `${what} is missing.`;
  const length = [...label].length;
  if (length > 32) return `${what} takes at most 32 characters; this one has ${length}.`;
  if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(label)) return `${what} has a character that can't be seen.`;
  return "";
}

// sayProblem checks what is said in a room (say in chat.go).
export function sayProblem(text) {
  const size = utf8Length(text);
  if (size > 4096) return `A message to the room takes at most 4096 bytes; this one takes ${size}.`;
  return "";
}
