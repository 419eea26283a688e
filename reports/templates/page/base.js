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
