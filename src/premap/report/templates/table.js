// SPDX-License-Identifier: GPL-2.0-only
"use strict";
// Filters and sorts the table of handlers; the choice is kept in the address, so that it can be shared.
const table = document.getElementById("sites");
const body = table.tBodies[0];
const rows = [...body.rows];
const fields = [...document.querySelectorAll("[data-filter]")];
const shown = document.getElementById("shown");

function matches(row) {
  return fields.every((field) => {
    const wanted = field.value.toLowerCase();
    if (!wanted) return true;
    const key = field.dataset.filter;
    if (key === "text") return row.textContent.toLowerCase().includes(wanted);
    return row.dataset[key].toLowerCase().split("\n").includes(wanted);
  });
}

function filter() {
  let count = 0;
  for (const row of rows) {
    row.hidden = !matches(row);
    if (!row.hidden) count += 1;
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
  const key = (row) => row.cells[at].dataset.key ?? row.cells[at].textContent.trim();
  const order = new Intl.Collator("en", { numeric: true });
  rows.sort((a, b) => order.compare(key(a), key(b)) * (down ? -1 : 1));
  body.append(...rows);
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
  const links = rows.filter((row) => !row.hidden).map((row) => row.querySelector("a"));
  if (event.key === "Enter" && document.activeElement === fields[0]) {
    event.preventDefault();
    links[0]?.focus();
  } else if ((event.key === "j" || event.key === "k") && !typing) {
    const at = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, event.key === "j" ? at + 1 : at - 1))]?.focus();
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
