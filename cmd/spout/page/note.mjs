// The note about self-signed certificates.

const $ = (id) => document.getElementById(id);
const note = $("tls-note");
const selfSigned = document.documentElement.dataset.tls === "self-signed";

let retry = () => {};

// start shows the note on a page that came over a self-signed certificate: whoever reads it has accepted that one, and may
// wonder why programs and other pages fail.
export function start() {
  $("tls-note-retry").addEventListener("click", () => retry());
  hideNote();
}

// showNote explains that a connection to target, a wss URL, failed. again is called to try once more.
export function showNote(target, again) {
  retry = again;
  $("tls-note-title").textContent = "Is the certificate self-signed?";
  $("tls-note-lead").textContent = `The secure connection to ${target.host} could not be opened.`;
  $("tls-note-link").href = `https://${target.host}/`;
  $("tls-note-link").textContent = `Open https://${target.host}/`;
  $("tls-note-actions").hidden = false;
  note.querySelector("details").open = true;
  note.hidden = false;
}

// hideNote leaves of the note what is true when nothing has failed.
export function hideNote() {
  $("tls-note-title").textContent = "This server's certificate is self-signed";
  $("tls-note-lead").textContent = "You have accepted it for this page, so wss connections from here work.";
  $("tls-note-actions").hidden = true;
  note.hidden = !selfSigned;
}
