"use strict";
// The page's data: texts to place and numbers to sort by, made in Python. No statistics, no rounding
// here. Files under runs/ bring the runs of a setting when they are asked for.
const data = JSON.parse(document.getElementById("data").textContent);
const tasks = new Map(data.tasks.map((task) => [task.id, task]));
const byTask = new Map();
for (const row of data.rows) byTask.set(row.task, [...(byTask.get(row.task) || []), row]);
const FILTERS = ["oracle", "dataset", "budget", "variants"];
const state = {
  oracle: "", dataset: "", budget: "", variants: "", measure: "target", sort: "", up: true,
  find: "", hidden: new Set(), columns: new Set(), row: "", claim: "", ranking: "",
  "compare-a": "", "compare-b": "", // chosen; else the two best of what is shown
};
const measures = { target: "result", regret: "regret", density_params: "density", rank: "rank" };

const $ = (id) => document.getElementById(id);
const SVG = ["svg", "g", "line", "path", "circle", "text", "rect", "title"];
function make(tag, attributes = {}, ...children) {
  const node = SVG.includes(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const absent = (value) => value === null || value === undefined;

// -- what is shown
const shownTasks = () => data.tasks.filter((task) => FILTERS.every(
  (name) => (name === "variants" ? task.variants === state.variants : !state[name] || task[name] === state[name])));
const measureOf = (task) => (state.measure === "target" ? task.target : state.measure);
const taskName = (task) => {
  const where = task.searched === task.dataset ? task.dataset : `${task.searched} → ${task.dataset}`;
  const what = task.variants ? `, variants of ${task.variants}` : "";
  return `${task.oracle}, ${where}, ${task.budget}, ${task.search_epochs} epochs${what}`;
};
const plain = (words) => words.replaceAll("\n", " ").replaceAll("- ", "-");

// a method's parameters stand small below its name, each on a line of its own where there is no room
function broken(label) {
  const [, name, params, rest] = label.match(/^(.*?)(?: \((.*)\))?( \[source .*\])?$/s);
  if (!params) return [label];
  const parts = params.split(/(?<=, )/).map((each) => make("span", {}, each));
  return [name, rest || "", make("span", { class: "params" }, parts)];
}
const SIGNS = { close: " ≈", best: "", second: "" };
function withInterval([, text, interval, mark]) {
  const sign = SIGNS[mark] || "";
  return [text + sign, interval ? [" ", make("span", { class: "interval" }, interval)] : []];
}

// -- one colour, marker and dash per method, the same as in the figures
const MARKERS = {
  o: "M-1 0A1 1 0 0 1 1 0A1 1 0 0 1-1 0Z", s: "M-.9-.9H.9V.9H-.9Z", D: "M0-1.25L1.25 0 0 1.25-1.25 0Z",
  "^": "M0-1.1L1.1.9H-1.1Z", v: "M0 1.1L1.1-.9H-1.1Z", "<": "M-1.1 0L.9-1.1V1.1Z", ">": "M1.1 0L-.9-1.1V1.1Z",
  P: "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z", p: "M0-1.15L1.09-.36.68.93H-.68L-1.09-.36Z",
  X: "M-1.06-.5L-.5-1.06 0-.57.5-1.06 1.06-.5.57 0 1.06.5.5 1.06 0 .57-.5 1.06-1.06.5-.57 0Z",
  "*": "M0-1.4L.32-.44 1.33-.43.52.17.82 1.13 0 .55-.82 1.13-.52.17-1.33-.43-.32-.44Z" };
const lookOf = (label) => data.looks[label] || { colour: "#777777", marker: "o", full: true, dash: "" };
function markOf(label, x, y, size = 5) {
  const { colour, marker, full } = lookOf(label);
  return make("path", { d: MARKERS[marker], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${size})`, class: "mark",
    fill: full ? colour : "none", stroke: colour });
}
const keyOf = (label) => make("svg", { viewBox: "-7 -7 14 14", class: "key series", "aria-hidden": "true" }, markOf(label, 0, 0));
const isOwn = ({ method }) => Boolean(data.methods[method] && data.methods[method].own);
const isFloating = ({ method }) => Boolean(data.methods[method] && data.methods[method].floating);
// the rows that a chart draws in colour: the best, one's own, and random search, whose marker is the star
const EMPHASISED = 8;
const emphasised = (rows) => new Set(rows.filter((row, i) => i < EMPHASISED || isOwn(row) || lookOf(row.label).marker === "*"));

// -- runs, loaded when they are asked for
const files = new Map();
const waiting = new Map();
window.nasreproRuns = (name, runs) => { files.set(name, runs); };
function runsOf(name) {
  if (files.has(name)) return Promise.resolve(files.get(name));
  if (!waiting.has(name)) waiting.set(name, new Promise((resolve, reject) => {
    const failed = () => {
      waiting.delete(name);
      reject(new Error(`runs/${name}.js is not beside this page`));
    };
    const onload = () => (files.has(name) ? resolve(files.get(name)) : failed());
    document.head.append(make("script", { src: `runs/${name}.js`, onload, onerror: failed }));
  }));
  return waiting.get(name);
}

// -- the address keeps the state: a view can be linked to; #row=<id> opens the runs of a table's row
const KEPT = [...FILTERS, "sort", "find", "row", "claim", "ranking"];
function remember() {
  const kept = KEPT.filter((name) => state[name]).map((name) => [name, state[name]]);
  if (state.measure !== "target") kept.push(["measure", state.measure]);
  if (state.sort && !state.up) kept.push(["down", "1"]);
  if (state.hidden.size) kept.push(["hidden", [...state.hidden].join("\n")]);
  if (state.columns.size) kept.push(["without", [...state.columns].join("\n")]);
  history.replaceState(
    null, "", kept.length ? `#${new URLSearchParams(kept)}` : location.pathname + location.search);
}
function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const name of KEPT) state[name] = kept.get(name) || "";
  state.measure = kept.get("measure") in measures ? kept.get("measure") : "target";
  state.up = kept.get("down") !== "1";
  state.hidden = new Set((kept.get("hidden") || "").split("\n").filter(Boolean));
  state.columns = new Set((kept.get("without") || "").split("\n").filter(Boolean));
  if (!shownTasks().length) for (const name of FILTERS) state[name] = "";
  const [id, task] = state.row.split("@");
  return id ? data.rows.find((row) => row.id === id && (!task || row.task === task)) : null;
}
