// SPDX-License-Identifier: GPL-2.0-only
"use strict";
// Steps through a call. All text comes as data and goes in as text, never as markup.
// The parts of a text, of which no line ends within an arrow of C.
const whole = (text) =>
  text.split(/(->\w*)/).flatMap((part, index) => (index % 2 ? [make("wbr"), make("span", { class: "whole" }, part)] : [part]));
const SVG = "http://www.w3.org/2000/svg";
const make = (tag, attributes = {}, text = "") => {
  const node = tag.startsWith("svg:")
    ? document.createElementNS(SVG, tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
};

// Where addresses go: mapped bytes to scale, what nothing ever touches folded to one width.
function scale(steps, width) {
  const ranges = [];
  for (const step of steps) {
    for (const vma of step.space ?? []) ranges.push([vma.start, vma.end]);
    if (step.wanted) ranges.push(step.wanted);
  }
  const edges = [...new Set(ranges.flat())].sort((a, b) => a - b);
  const pieces = [];
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const [start, end] = [edges[i], edges[i + 1]];
    pieces.push({ start, end, used: ranges.some(([a, b]) => a <= start && end <= b) });
  }
  const bytes = pieces.reduce((sum, p) => sum + (p.used ? p.end - p.start : 0), 0) || 1;
  const folds = pieces.filter((p) => !p.used).length;
  const room = width - 40 - 44 * folds;
  let at = 20;
  for (const piece of pieces) {
    piece.x = at;
    piece.width = piece.used ? (room * (piece.end - piece.start)) / bytes : 44;
    at += piece.width;
  }
  const place = (address) => {
    for (const p of pieces)
      if (p.start <= address && address <= p.end)
        return p.x + (p.width * (address - p.start)) / (p.end - p.start);
    return 20;
  };
  return { pieces, place, edges };
}

function drawStrip(svg, steps, step) {
  const width = Math.max(240, Math.min(1200, svg.clientWidth || 960));
  const view = scale(steps, width);
  svg.setAttribute("viewBox", `0 0 ${width} 100`);
  svg.replaceChildren();
  svg.append(make("svg:line", { x1: 10, x2: width - 10, y1: 52, y2: 52 }));
  for (const p of view.pieces)
    if (!p.used)
      svg.append(make("svg:path", { class: "fold", d: `M${p.x + 14} 62l8-20M${p.x + 24} 62l8-20` }));
  for (const vma of step.space ?? []) {
    const [x, end] = [view.place(vma.start), view.place(vma.end)];
    const box = make("svg:rect", { class: vma.what === "not linked yet" ? "none" : "vma", x, width: Math.max(2, end - x - 1), y: 30, height: 34, rx: 3 });
    box.append(make("svg:title", {}, `${vma.start.toString(16)}-${vma.end.toString(16)} ${vma.what}`));
    svg.append(box);
    for (const entry of vma.entries ?? []) {
      const from = view.place(entry.start);
      const pte = make("svg:rect", { class: "pte", x: from, width: Math.max(2, view.place(entry.end) - from - 1), y: 66, height: 9 });
      pte.append(make("svg:title", {}, `page table entries: ${entry.kind}`));
      svg.append(pte);
    }
  }
  if (step.wanted) {
    const [x, end] = step.wanted.map(view.place);
    svg.append(make("svg:rect", { class: "wanted", x, width: Math.max(3, end - x - 1), y: 26, height: 42, rx: 4 }));
  }
  let free = -100;
  for (const edge of view.edges) {
    const x = view.place(edge);
    const anchor = x > width - 60 ? "end" : x < 60 ? "start" : "middle";
    if (x - free < (anchor === "end" ? 160 : 110) && free >= 0) continue;
    free = x;
    svg.append(make("svg:text", { x, y: 92, class: "dim", "text-anchor": anchor }, `0x${edge.toString(16)}`));
  }
}

function build(section, side) {
  const steps = side.steps;
  const slider = make("input", { type: "range", min: 0, max: Math.max(0, steps.length - 1), value: 0, "aria-label": `step of ${side.name}` });
  const where = make("output");
  const back = make("button", { type: "button", "aria-label": "step back" }, "‹");
  const on = make("button", { type: "button", "aria-label": "step on" }, "›");
  const bar = make("div", { class: "bar-steps" });
  bar.append(back, slider, on, where);
  const now = make("div", { class: "now", "aria-live": "polite" });
  const strip = make("svg:svg", { class: "strip", viewBox: "0 0 960 100", role: "img", "aria-label": "address space" });
  const fields = make("table", { class: "fields" });
  const code = make("pre", { class: "code", tabindex: 0 });
  const list = make("ol", { class: "steps" });
  section.append(bar, now, make("h4", {}, "Address space: blue is mapped, green are page table entries, dashed is what was asked for"), strip);
  if (side.rules.length) section.append(make("h4", {}, side.hook === "mmap" ? "The VMA" : "The descriptor"), fields);
  if (side.code.length) section.append(make("h4", {}, side.file), code);
  section.append(make("h4", {}, "Steps"), list);
  const lines = new Map();
  for (const [number, text] of side.code) {
    const line = make("span");
    line.append(make("span", { class: "ln" }, String(number)), text);
    lines.set(number, line);
    code.append(line, "\n");
  }
  steps.forEach((step, index) => {
    const item = make("li", step.failing ? { class: "failing" } : {}, `${step.kind}: ${step.text}`);
    item.addEventListener("click", () => show(index));
    list.append(item);
  });
  let at = -1;
  function show(index) {
    at = Math.max(0, Math.min(steps.length - 1, index));
    const step = steps[at];
    if (!step) return;
    slider.value = at;
    where.textContent = `${at + 1} of ${steps.length}`;
    now.className = `now ${step.failing ? "failed" : step.kind}`;
    now.replaceChildren(make("b", {}, step.kind.replace("_", " ")), ...whole(step.text));
    if (lines.has(step.line)) now.append(make("code", {}, lines.get(step.line).lastChild.textContent.trim()));
    drawStrip(strip, steps, step);
    fields.replaceChildren();
    const before = at ? steps[at - 1].fields ?? {} : step.fields ?? {};
    for (const [name, rule] of side.rules) {
      const value = (step.fields ?? {})[name];
      if (value === undefined) continue;
      const row = make("tr", before[name] !== value ? { class: "changed" } : {});
      row.append(make("td", {}, name), make("td", {}, value.split("|").join(" | ")), make("td", {}, rule));
      fields.append(row);
    }
    for (const line of lines.values()) line.classList.remove("here");
    const here = lines.get(step.line);
    if (here) {
      here.classList.add("here");
      code.scrollTop = here.offsetTop - code.offsetTop - code.clientHeight / 2;
    }
    for (const item of list.children) item.removeAttribute("aria-current");
    list.children[at].setAttribute("aria-current", "step");
    list.scrollTop = list.children[at].offsetTop - list.offsetTop - list.clientHeight / 2;
  }
  slider.addEventListener("input", () => show(Number(slider.value)));
  back.addEventListener("click", () => show(at - 1));
  on.addEventListener("click", () => show(at + 1));
  show(0);
  window.addEventListener("resize", () => steps.length && drawStrip(strip, steps, steps[at]));
  return { step: (by) => show(at + by), first: () => show(0), last: () => show(steps.length - 1) };
}

const players = [];
for (const picture of document.querySelectorAll("[data-picture]")) {
  const sides = JSON.parse(picture.querySelector("script").textContent);
  picture.querySelectorAll("section").forEach((section, index) => players.push(build(section, sides[index])));
}
document.addEventListener("keydown", (event) => {
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
  const act = { ArrowRight: (p) => p.step(1), ArrowLeft: (p) => p.step(-1), Home: (p) => p.first(), End: (p) => p.last() }[event.key];
  if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  players.forEach(act);
});
