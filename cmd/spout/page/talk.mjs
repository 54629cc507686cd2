// What the Chat tab shows of a room: the lines of the conversation, and who is there.

const $ = (id) => document.getElementById(id);
const log = $("chat-log");
const scroller = log.closest(".scroll");
const memberList = $("chat-members");

const linesKept = 1000;

let atEnd = true;
let members = new Map(); // id to { name, node }
let you = "";

export function start() {
  scroller.addEventListener("scroll", () => {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
  }, { passive: true });
  new ResizeObserver(follow).observe(scroller);
}

// line adds a line: type is "said", "joined", "left" or "note". who is the speaker, at the time in ms; marks are attributes.
export function line(type, words, { who, at = Date.now(), marks = {} } = {}) {
  const row = document.createElement("li");
  Object.assign(row.dataset, { type, ...marks });
  const parts = [["time", new Date(at).toTimeString().slice(0, 8)], ...(who === undefined ? [] : [["name", who]]), ["text", words]];
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

// note adds a line of the page's own.
export function note(words, marks) {
  line("note", words, { marks });
}

export function clear() {
  log.replaceChildren();
}

function follow() {
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}

// present shows who is in the room; list is of the hub's members, id one's own.
export function present(list, id) {
  you = id;
  members = new Map(list.map((member) => [member.id, member.data]));
  showMembers();
}

// nodeOf is the name of the node that one is connected to, "" if there is but one.
export function ownNode() {
  return members.get(you)?.node ?? "";
}

export function enter({ id, data }) {
  if (members.has(id)) return; // one who came while the list was made, or oneself
  members.set(id, data);
  showMembers();
  line("joined", `${data.name} joined.`);
}

export function exit({ id }) {
  const gone = members.get(id);
  if (gone === undefined) return;
  members.delete(id);
  showMembers();
  line("left", `${gone.name} left.`);
}

function showMembers() {
  memberList.replaceChildren(...[...members].map(([id, { name, node }]) => {
    const item = document.createElement("li");
    item.dataset.id = id;
    item.append(name);
    for (const mark of [id === you && " (you)", node && ` node ${node}`]) {
      if (!mark) continue;
      const span = document.createElement("span");
      span.className = "mark";
      span.textContent = mark;
      item.append(span);
    }
    return item;
  }));
}
