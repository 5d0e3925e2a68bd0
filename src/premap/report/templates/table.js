// SPDX-License-Identifier: GPL-2.0-only
"use strict";
// Filters and sorts the table of handlers; the choice is kept in the address, so that it can be shared.
const table = document.getElementById("sites");
const body = table.tBodies[0];
const rows = [...body.rows];
const fields = [...document.querySelectorAll("[data-filter]")];
const shown = document.getElementById("shown");

const said = new Map();

function says(row, key) {
  if (key !== "text") return row.dataset[key].toLowerCase().split("\n");
  if (!said.has(row)) said.set(row, row.textContent.toLowerCase());
  return said.get(row);
}

function filter() {
  const wanted = fields.filter((field) => field.value)
    .map((field) => [field.dataset.filter, field.value.toLowerCase()]);
  let count = 0;
  for (const row of rows) {
    const hidden = !wanted.every(([key, value]) => says(row, key).includes(value));
    if (row.hidden !== hidden) row.hidden = hidden;
    if (!hidden) count += 1;
  }
  shown.textContent = `${count} of ${rows.length} sites`;
  const chosen = new URLSearchParams();
  for (const field of fields) if (field.value) chosen.set(field.dataset.filter, field.value);
  history.replaceState(null, "", chosen.size ? `#${chosen}` : location.pathname + location.search);
}

function sort(header) {
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const at = header.cellIndex;
  const keys = new Map(
    rows.map((row) => [row, row.cells[at].dataset.key ?? row.cells[at].textContent.trim()]));
  const order = new Intl.Collator("en", { numeric: true });
  rows.sort((a, b) => order.compare(keys.get(a), keys.get(b)) * (down ? -1 : 1));
  body.append(...rows);
}

function focus(at, step) {
  do at += step; while (rows[at]?.hidden);
  rows[at]?.querySelector("a")?.focus();
}

const given = new URLSearchParams(location.hash.slice(1));
for (const field of fields) {
  field.value = given.get(field.dataset.filter) ?? "";
  field.addEventListener("input", filter);
}
for (const header of table.tHead.rows[0].cells)
  header.querySelector("button").addEventListener("click", () => sort(header));
document.getElementById("clear").addEventListener("click", () => {
  for (const field of fields) field.value = "";
  filter();
});
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    fields[0].focus();
  }
  if (event.key === "Enter" && document.activeElement === fields[0]) {
    event.preventDefault();
    focus(-1, 1);
  } else if ((event.key === "j" || event.key === "k") && !typing) {
    focus(rows.indexOf(document.activeElement.closest("tr")), event.key === "j" ? 1 : -1);
  }
});
filter();
for (const link of document.querySelectorAll("[data-jump]"))
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const chosen = new URLSearchParams(link.getAttribute("href").slice(1));
    for (const field of fields) field.value = chosen.get(field.dataset.filter) ?? "";
    filter();
    document.getElementById("handlers").scrollIntoView();
  });
