// The note about self-signed certificates.

const note = document.getElementById("tls-note");
const lead = document.getElementById("tls-note-lead");
const link = document.getElementById("tls-note-link");
const retryButton = document.getElementById("tls-note-retry");
const selfSigned = document.documentElement.dataset.tls === "self-signed";

let retry = () => {};

// start shows the note on a page that came with a self-signed certificate: whoever reads it has accepted it, and may
// want to know why programs and other pages fail.
export function start() {
  link.href = location.origin + "/";
  retryButton.addEventListener("click", () => retry());
  if (selfSigned) rest();
}

// showNote explains that a connection to target, a wss URL, failed. again is called to try once more.
export function showNote(target, again) {
  retry = again;
  lead.textContent = `The secure connection to ${target.host} could not be opened.`;
  link.href = `https://${target.host}/`;
  link.textContent = `Open https://${target.host}/`;
  link.hidden = retryButton.hidden = false;
  note.hidden = false;
}

// hideNote is called when a connection has worked.
export function hideNote() {
  if (selfSigned) rest();
  else note.hidden = true;
}

function rest() {
  lead.textContent = "This server's certificate is self-signed, and you have accepted it for this page; wss connections from here work.";
  link.hidden = retryButton.hidden = true;
  note.hidden = false;
}
