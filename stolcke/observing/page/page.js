"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

/** An element; whatever is in `children` becomes text unless it is an element, so that no token is ever markup. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// --- numbers ------------------------------------------------------------------------------------------------------

function percent(logprob) {
  if (logprob === undefined) return "–";
  if (logprob === null) return "0";
  const share = 100 * Math.exp(logprob);
  if (share >= 99.995) return share >= 100 ? "100 %" : ">99.99 %";
  if (share >= 0.01) return share.toPrecision(share >= 1 ? 4 : 2) + " %";
  return share.toExponential(1) + " %";
}
const logarithm = (value) => (value === undefined ? "–" : value === null ? "−∞" : value.toFixed(3).replace("-", "−"));
const whole = (value) => value.toLocaleString("en-US");
function micro(value) {
  if (value >= 1000) return (value / 1000).toPrecision(3) + " ms";
  return (value >= 100 ? value.toFixed(0) : value.toPrecision(2)) + " µs";
}
const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
}

// --- texts --------------------------------------------------------------------------------------------------------

/** The text of a token with marks for what cannot be seen. */
function visible(token, breaks) {
  const parts = [];
  const marks = { "\n": "⏎", "\r": "␍", "\t": "⇥", " ": "·" };
  let plain = "";
  const flush = () => { if (plain) { parts.push(plain); plain = ""; } };
  for (const character of token.text) {
    const code = character.codePointAt(0);
    const mark = marks[character] || (isHidden(code) ? hex(code) : null);
    if (mark === null) { plain += character; continue; }
    flush();
    parts.push(make("span", { class: "mark" }, mark));
    if (character === "\n" && breaks) parts.push(make("br"));
  }
  flush();
  return parts.length ? parts : [make("span", { class: "mark" }, "∅")];
}
const hex = (code) => "U+" + code.toString(16).toUpperCase().padStart(4, "0");
/** Characters without a shape of their own, and those that would turn the text around them. */
const isHidden = (code) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(String.fromCodePoint(code));
const kinds = { end: "end token", special: "special token" };

// --- scales -------------------------------------------------------------------------------------------------------

/** What tokens may be coloured by: a value of a step, its five classes, and which of them a value is in. */
const shares = ["90 % or more", "50 % or more", "10 % or more", "1 % or more", "less than 1 %"];
const ofLogprob = (value) => (value === null ? 4 : [0.9, 0.5, 0.1, 0.01].filter((bound) => Math.exp(value) < bound).length);
const above = (bounds) => (value) => bounds.filter((bound) => value >= bound).length;
const scales = [
  { name: "model probability, before the mask", field: "model_logprob", labels: shares, place: ofLogprob },
  { name: "model probability among the allowed", field: "masked_logprob", labels: shares, place: ofLogprob },
  { name: "grammar probability", field: "grammar_logprob", labels: shares, place: ofLogprob },
  { name: "model probability of all that is allowed", field: "allowed_logprob", labels: shares, place: ofLogprob },
  { name: "number of allowed tokens", field: "allowed", labels: ["over 10,000", "over 1,000", "over 100", "2 to 100", "only one"],
    place: (value) => [10000, 1000, 100, 1].filter((bound) => value <= bound).length },
  { name: "time of the mask", field: "mask_us", labels: ["below 1 µs", "1 µs or more", "10 µs or more", "100 µs or more", "1 ms or more"],
    place: above([1, 10, 100, 1000]) },
  { name: "time of the commit", field: "commit_us", labels: ["below 1 µs", "1 µs or more", "10 µs or more", "100 µs or more", "1 ms or more"],
    place: above([1, 10, 100, 1000]) },
].filter((scale) => data.steps.some((step) => step[scale.field] !== undefined));
const classOf = (scale, step) => (step[scale.field] === undefined ? "c5" : "c" + scale.place(step[scale.field]));

// --- state --------------------------------------------------------------------------------------------------------

const rows = [...new Set(data.steps.map((step) => step.row))].sort((a, b) => a - b);
let scale = scales[0];
let row = rows[0];
let steps = [];     // those shown
let selected = 0;

function summarise() {
  const kept = data.steps.filter((step) => step.row === row && step.kept);
  const others = data.steps.filter((step) => step.row === row).length - kept.length;
  const sum = (field) => kept.every((step) => step[field] !== undefined) && kept.length
    ? (kept.some((step) => step[field] === null) ? null : kept.reduce((total, step) => total + step[field], 0)) : undefined;
  const ended = kept.length && kept[kept.length - 1].kind === "end";
  const entries = [
    ["tokens", whole(kept.length)],
    ["text", ended ? "came to its end" : "not ended"],
    ["discarded", whole(others)],
    ["forced", whole(kept.filter((step) => step.allowed === 1).length)],
    ["model, ln p", logarithm(sum("model_logprob"))],
    ["masked, ln p", logarithm(sum("masked_logprob"))],
    ["grammar, ln p", logarithm(sum("grammar_logprob"))],
    ["mask, median", micro(median(kept.map((step) => step.mask_us)))],
    ["mask, longest", micro(largest(kept.map((step) => step.mask_us)))],
    ["commit, median", micro(median(kept.map((step) => step.commit_us)))],
  ].filter(([, value]) => value !== "–");
  byId("summary").replaceChildren(...entries.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  byId("gone").hidden = others === 0;
  byId("gone").querySelector("span").textContent = `show ${whole(others)} refused or taken back`;
}

function drawTokens() {
  const all = byId("show-gone").checked;
  steps = data.steps.filter((step) => step.row === row && (step.kept || all));
  selected = Math.max(0, Math.min(selected, steps.length - 1));
  byId("tokens").replaceChildren();
  steps.forEach((step, index) => {
    const text = step.text === "" ? "no text" : step.text;
    const state = step.kept ? "" : step.accepted ? ", taken back" : ", refused";
    const value = scale && step[scale.field] !== undefined ? `, ${scale.name}: ${scale.labels[scale.place(step[scale.field])]}` : "";
    const element = make("span", {
      class: `token ${scale && step.kept ? classOf(scale, step) : "c5"}${step.kept ? "" : " gone"}${step.kind ? " kind" : ""}`,
      role: "option", "data-index": index, tabindex: -1, "aria-selected": "false",
      title: hint(step), "aria-label": `${step.step}: ${text}${step.kind ? ", " + (kinds[step.kind] || step.kind) : ""}${state}${value}`,
    }, ...visible(step, true));
    byId("tokens").append(element);
  });
  if (!steps.length) byId("tokens").replaceChildren(make("p", { class: "soft" }, "No steps."));
  byId("legend").replaceChildren(...(scale ? scale.labels.map((label, index) => make("li", { class: "c" + index }, label)) : []));
  drawCharts();
  select(selected, false);
}

function hint(step) {
  const probability = step.model_logprob === undefined ? "" : `, model ${percent(step.model_logprob)}`;
  return `step ${step.step}, token ${step.token}${probability}, ${whole(step.allowed)} allowed, mask ${micro(step.mask_us)}`;
}

function drawCharts() {
  const charts = [
    ["allowed tokens, logarithmic", (step) => Math.log10(1 + step.allowed), (top) => whole(Math.round(10 ** top - 1)) + " at most"],
    ["time of mask and commit, logarithmic", (step) => Math.log10(1 + step.mask_us + step.commit_us), (top) => micro(10 ** top - 1) + " at most"],
    ["surprise of the model, −ln p before the mask", (step) => (step.model_logprob === undefined ? NaN : step.model_logprob === null ? 30 : -step.model_logprob), (top) => top.toFixed(1) + " at most"],
  ];
  byId("charts").replaceChildren(...charts.map(([name, value, tell]) => {
    const values = steps.map(value);
    if (!values.length || values.some(Number.isNaN)) return null;
    const top = largest(values) || 1;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${values.length} 1`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    values.forEach((each, index) => {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const height = Math.max(0.02, each / top);
      const gap = values.length > 300 ? 0 : 0.1;
      for (const [key, number] of Object.entries({ x: index + gap, y: 1 - height, width: 1 - 2 * gap, height })) rect.setAttribute(key, number);
      rect.dataset.index = index;
      svg.append(rect);
    });
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      select(Math.floor(((event.clientX - box.left) / box.width) * values.length), false);
    });
    return make("figure", {}, make("figcaption", {}, make("span", {}, name), make("span", {}, tell(top))), svg);
  }).filter((figure) => figure !== null));
}

// --- one step -----------------------------------------------------------------------------------------------------

function select(index, focus) {
  if (!steps.length) { byId("detail").replaceChildren(); return; }
  const tokens = byId("tokens").children;
  const old = tokens[selected];
  if (old) { old.setAttribute("aria-selected", "false"); old.tabIndex = -1; }
  selected = Math.max(0, Math.min(index, steps.length - 1));
  const now = tokens[selected];
  now.setAttribute("aria-selected", "true");
  now.tabIndex = 0;
  if (focus) now.focus();
  for (const rect of document.querySelectorAll("#charts rect")) rect.classList.toggle("at", Number(rect.dataset.index) === selected);
  showStep(steps[selected]);
}

function showStep(step) {
  byId("step-title").textContent = `Step ${step.step}` + (rows.length > 1 ? ` of sequence ${step.row}` : "");
  const notes = [`token ${step.token}`];
  if (step.kind) notes.push(kinds[step.kind] || step.kind);
  if (step.bytes !== undefined) notes.push("bytes " + [...atob(step.bytes)].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ") + ", no UTF-8 on their own");
  if (!step.accepted) notes.push("refused by the grammar");
  else if (!step.kept) notes.push("taken back later");
  const parts = [
    make("p", { class: "what" }, make("code", { class: "shown " + (scale ? classOf(scale, step) : "c5") }, ...visible(step, false)), make("span", { class: "soft" }, notes.join(", "))),
    make("h3", {}, "Mask"),
    make("p", { class: "what" }, `${whole(step.allowed)} of ${whole(step.vocabulary)} tokens allowed`, make("span", { class: "soft" }, `mask ${micro(step.mask_us)}, commit ${micro(step.commit_us)}, ${step.seconds.toFixed(2)} s after the start`)),
  ];
  const probabilities = [
    ["model, before the mask", step.model_logprob], ["model, among the allowed", step.masked_logprob],
    ["grammar", step.grammar_logprob], ["model, all that is allowed", step.allowed_logprob],
  ].filter(([, value]) => value !== undefined);
  if (probabilities.length) {
    parts.push(make("h3", {}, "Probability"), table(["", "p", "ln p"], probabilities.map(([name, value]) => [[], name, percent(value), logarithm(value)])));
  }
  if (step.open !== undefined) {
    const more = step.open_depth > step.open.length ? [`${whole(step.open_depth - step.open.length)} more`] : [];
    const crumbs = [...more, ...step.open];
    parts.push(make("h3", {}, "Open before it, innermost last"), crumbs.length ? list(crumbs, "crumbs path") : make("p", { class: "soft" }, "nothing yet"));
  }
  if (step.expected !== undefined) parts.push(make("h3", {}, "Expected"), list(step.expected, "crumbs"));
  if (step.top !== undefined && step.top.length) {
    parts.push(make("h3", {}, "Likeliest tokens"), table(["token", "before mask", "among allowed"], step.top.map((each) => [
      each.token === step.token ? ["chosen"] : [],
      make("span", { title: `token ${each.token}` }, make("code", {}, ...visible(each, false)), each.token === step.token ? make("span", { class: "soft" }, "  ← chosen") : null),
      meter(each.model_logprob),
      each.masked_logprob === null ? make("span", { class: "soft" }, "✕ forbidden") : meter(each.masked_logprob),
    ]), "likely"));
  }
  byId("detail").replaceChildren(...parts);
}

const list = (items, kind) => make("ul", { class: kind }, ...items.map((item) => make("li", { class: "mono" }, item)));
function meter(logprob) {
  const bar = make("span", { class: "meter" });
  bar.style.width = `${100 * (logprob === null || logprob === undefined ? 0 : Math.exp(logprob))}%`;
  return make("span", {}, percent(logprob), bar);
}
function table(heads, lines, kind = "") {
  const head = make("tr", {}, ...heads.map((name, index) => make("th", index ? { class: "number", scope: "col" } : { scope: "col" }, name)));
  const body = lines.map(([classes, ...cells]) => make("tr", { class: classes.join(" ") }, ...cells.map((cell, index) => make("td", { class: index ? "number" : "text" }, cell))));
  return make("table", { class: kind }, make("thead", {}, head), make("tbody", {}, ...body));
}

// --- what the reader does -----------------------------------------------------------------------------------------

byId("tokens").addEventListener("click", (event) => {
  const token = event.target.closest(".token");
  if (token) select(Number(token.dataset.index), true);
});
byId("tokens").addEventListener("mouseover", (event) => {
  const token = event.target.closest(".token");
  if (token) showStep(steps[Number(token.dataset.index)]);
});
byId("tokens").addEventListener("mouseleave", () => { if (steps.length) showStep(steps[selected]); });
byId("tokens").addEventListener("keydown", (event) => {
  const moves = { ArrowRight: selected + 1, ArrowDown: selected + 1, ArrowLeft: selected - 1, ArrowUp: selected - 1, Home: 0, End: steps.length - 1,
    PageDown: selected + 20, PageUp: selected - 20 };
  if (!(event.key in moves)) return;
  event.preventDefault();
  select(moves[event.key], true);
});
byId("scale").addEventListener("change", (event) => { scale = scales[Number(event.target.value)]; drawTokens(); });
byId("row").addEventListener("change", (event) => { row = Number(event.target.value); selected = 0; summarise(); drawTokens(); });
byId("show-gone").addEventListener("change", drawTokens);

byId("scale").append(...scales.map((each, index) => make("option", { value: index }, each.name)));
byId("row").append(...rows.map((each) => make("option", { value: each }, String(each))));
byId("rows").hidden = rows.length < 2;
byId("state").textContent = data.error ? `The run was broken off: ${data.error}` : data.isWhole ? "" : "The trace just stops: the run was broken off, or goes on.";
byId("state").classList.toggle("broken", !data.isWhole || data.error !== "");
const about = Object.entries(data.about);
byId("about").hidden = about.length === 0;
byId("about").querySelector("dl").append(...about.flatMap(([name, value]) => [
  make("dt", {}, name), make("dd", {}, typeof value === "string" ? value : JSON.stringify(value)),
]));
summarise();
drawTokens();
