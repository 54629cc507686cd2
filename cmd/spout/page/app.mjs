// The page: tabs, and the buttons that lead from one to another. The names that tests rely on are in index.html.

import * as chat from "./chat.mjs";
import * as echo from "./echo.mjs";
import * as live from "./live.mjs";
import * as note from "./note.mjs";

const tabs = [...document.querySelectorAll("[role=tab]")];

function select(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  live.show(tab.id === "tab-live");
  const fragment = "#" + tab.id.slice("tab-".length);
  if (location.hash !== fragment) history.replaceState(null, "", fragment);
}

function byFragment() {
  const tab = tabs.find((t) => "#" + t.id.slice("tab-".length) === location.hash);
  if (tab) select(tab);
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs.at(to % tabs.length);
    select(next);
    next.focus();
  });
}

for (const button of document.querySelectorAll("[data-endpoint]")) {
  button.addEventListener("click", () => {
    select(document.getElementById("tab-echo"));
    echo.open(button.dataset.endpoint);
  });
}
for (const button of document.querySelectorAll("[data-tab]")) {
  button.addEventListener("click", () => {
    select(document.getElementById("tab-" + button.dataset.tab));
    document.getElementById("chat-name").focus();
  });
}

document.getElementById("console-program").textContent = `var ws = new WebSocket("${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/websocket");
ws.onopen = function() {
   ws.send("Hello, world");
};
ws.onmessage = function (evt) {
   alert(evt.data);
};`;

addEventListener("hashchange", byFragment);
note.start();
echo.start();
chat.start();
live.start();
byFragment();
