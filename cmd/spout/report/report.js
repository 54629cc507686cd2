"use strict";

const $ = id => document.getElementById(id);
const form = $("filters");
const families = [...document.querySelectorAll(".family")].map(section => ({
  section,
  name: section.dataset.family,
  cases: [...section.querySelectorAll(".case")].map(item => ({
    item,
    text: ["summary", ".why"].map(part => item.querySelector(part).textContent).join(" ").toLowerCase(),
  })),
}));
const all = families.reduce((sum, family) => sum + family.cases.length, 0);

function filter() {
  const words = $("search").value.toLowerCase().split(/\s+/);
  const verdicts = [...form.querySelectorAll("[name=verdict]:checked")].map(box => box.value);
  const change = $("change")?.value ?? "";
  let shown = 0;
  for (const { section, name, cases } of families) {
    const wanted = ["", name].includes($("family").value);
    let inFamily = 0;
    for (const { item, text } of cases) {
      item.hidden = !(wanted && verdicts.includes(item.dataset.verdict) && ["", item.dataset.change].includes(change) &&
        words.every(word => text.includes(word)));
      if (!item.hidden) inFamily++;
    }
    section.hidden = inFamily === 0;
    shown += inFamily;
  }
  $("count").textContent = `${shown} of ${all} cases`;
  $("none").hidden = shown > 0;
}

// Opens what the address names, whatever the filters say.
function visit() {
  const target = $(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.closest("[hidden]")) {
    form.reset();
    filter();
  }
  const details = target.querySelector("details");
  if (details) {
    details.open = true;
    details.querySelector("summary").focus({ preventScroll: true });
  }
  target.scrollIntoView();
}

// The arrow keys go from case to case.
function step(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || !event.target.matches(".case summary")) return;
  const rows = [...document.querySelectorAll(".case:not([hidden]) summary")];
  const next = rows[rows.indexOf(event.target) + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
document.addEventListener("keydown", step);
addEventListener("hashchange", visit);
filter();
visit();
