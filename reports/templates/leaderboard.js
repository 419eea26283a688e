"use strict";
// The page's data; files under runs/ bring the runs of a setting when they are asked for.
const data = JSON.parse(document.getElementById("data").textContent);
const tasks = new Map(data.tasks.map((task) => [task.id, task]));
const byTask = Map.groupBy ? Map.groupBy(data.rows, (row) => row.task) : group(data.rows, (row) => row.task);
const state = { oracle: "", dataset: "", budget: "", measure: "target", sort: "", up: true, row: "", claim: "", ranking: "" };
const measures = { target: "result", regret: "regret", density: "density", rank: "rank" };
const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B"];
const dashes = ["", "7 3", "2 3", "8 3 2 3"];
const SHOWN_RUNS = 200;

function group(items, key) {
  const found = new Map();
  for (const item of items) found.set(key(item), [...(found.get(key(item)) || []), item]);
  return found;
}
const $ = (id) => document.getElementById(id);
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "line", "path", "circle", "text", "rect", "title"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// -- what is shown
const shownTasks = () =>
  data.tasks.filter((task) => ["oracle", "dataset", "budget"].every((name) => !state[name] || task[name] === state[name]));
const value = (row, measure) => (measure === "rank" ? row.rank : row[measure] ? row[measure][0] : null);
const lowIsGood = (measure, task) => measure === "rank" || measure === "regret" || (measure === "target" && !task.higher);
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
// decimals that an interval supports, down to the first digit of its half-width; of a column, by its narrowest
function digitsOf(found) {
  const halves = found.filter((each) => each && each[1] !== null && each[2] > each[1]).map(([, low, high]) => (high - low) / 2);
  return halves.length ? Math.min(4, Math.max(0, Math.ceil(-Math.log10(Math.min(...halves))))) : undefined;
}
function text(number, digits) {
  if (number === null || number === undefined) return "–";
  const plain = Number.isInteger(number) ? 0 : Math.abs(number) >= 100 ? 1 : Math.abs(number) >= 0.1 ? 2 : 4;
  const places = digits === undefined ? plain : digits;
  return number.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places }).replace("-", "−");
}
function withInterval(found, digits = digitsOf([found])) {
  if (!found) return ["–"];
  const [number, low, high] = found;
  if (low === null || !(high > low)) return [text(number, digits)];
  return [`${text(number, digits)} `, make("span", { class: "interval" }, `[${text(low, digits)}, ${text(high, digits)}]`)];
}
// a method's parameters stand small below its name, each on a line of its own where there is no room for two
function broken(label) {
  const [, name, params, rest] = label.match(/^(.*?)(?: \((.*)\))?( \[source .*\])?$/s);
  if (!params) return [label];
  return [name, rest || "", make("span", { class: "params" }, params.split(/(?<=, )/).map((each) => make("span", {}, each)))];
}
const taskName = (task) =>
  `${task.oracle}, ${task.searched === task.dataset ? task.dataset : `${task.searched} → ${task.dataset}`}, ${task.budget}, ${task.search_epochs} epochs`;
const unitOf = (measure, task) => ({ target: task.unit, regret: task.unit === "%" ? "points" : task.unit, density: "%/M params", rank: "" })[measure];

// -- filters
function options(name) {
  const others = ["oracle", "dataset", "budget"].filter((other) => other !== name);
  const possible = data.tasks.filter((task) => others.every((other) => !state[other] || task[other] === state[other]));
  return [...new Set(possible.map((task) => task[name]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
function drawFilters() {
  for (const name of ["oracle", "dataset", "budget"]) {
    const select = $(name);
    select.replaceChildren(make("option", { value: "" }, "all"), ...options(name).map((each) => make("option", { value: each }, each)));
    select.value = state[name];
  }
}
function setUp() {
  for (const name of ["oracle", "dataset", "budget"])
    $(name).addEventListener("change", () => { state[name] = $(name).value; state.sort = ""; refresh(); });
  for (const [name, words] of Object.entries(measures))
    $("measures").append(make("label", {}, make("input", {
      type: "radio", name: "measure", value: name, onchange: () => { state.measure = name; state.sort = ""; refresh(); } }), make("span", { id: `name-${name}` }, words)));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
}

// -- the table
function columnsOf(shown) {
  const method = { key: "label", head: "Method", get: (line) => line.label };
  if (shown.length !== 1) {
    const counted = { key: "average", head: "Average\nrank", low: true, get: (line) => line.average, cell: (line) => [text(line.average, 2)] };
    const covered = { key: "covered", head: "Tasks", get: (line) => line.covered, cell: (line) => [String(line.covered)] };
    const each = shown.map((task) => ({ task, digits: digitsOf((byTask.get(task.id) || []).map((row) => row[state.measure])) })).map(({ task, digits }) => ({
      key: task.id, task, head: `${task.oracle}\n${task.searched === task.dataset ? task.dataset : `→ ${task.dataset}`}\n${task.budget}`,
      low: lowIsGood(state.measure, task), get: (line) => (line.rows.get(task.id) ? value(line.rows.get(task.id), state.measure) : null),
      row: (line) => line.rows.get(task.id),
      cell: (line) => [cellText(line.rows.get(task.id), digits)],
    }));
    return [method, counted, covered, ...each];
  }
  const [task] = shown;
  const row = (line) => line.rows.get(task.id);
  const unit = (measure) => (unitOf(measure, task) ? `\n(${unitOf(measure, task)})` : "");
  const column = (key, head, low, cell) => ({ key, head, low, row, get: (line) => cell(row(line))[0], cell: (line) => cell(row(line))[1] });
  const rows = byTask.get(task.id) || [];
  const estimate = (key, head, low) => {
    const digits = digitsOf(rows.map((each) => each[key]));
    return column(key, head, low, (each) => [each[key] ? each[key][0] : null, withInterval(each[key], digits)]);
  };
  const number = (key, head, low, like) => {
    const all = rows.map((each) => each[key]).filter((each) => each !== null), least = Math.min(...all.filter(Boolean));
    const plain = all.every(Number.isInteger) ? 0 : Math.min(4, Math.max(1, 1 - Math.floor(Math.log10(least))));
    const digits = (like && digitsOf(rows.map((each) => each[like]))) || plain;
    return column(key, head, low, (each) => [each[key], [text(each[key], digits)]]);
  };
  const first = {
    target: estimate("target", `${task.target.replaceAll("_", " ")}${unit("target")}`, lowIsGood("target", task)),
    regret: estimate("regret", `Regret${unit("regret")}`, true),
    density: estimate("density", "Density\n(%/M params)", false),
  };
  const chosen = first[state.measure] ? [first[state.measure]] : [];
  const rest = Object.entries(first).filter(([name]) => name !== state.measure).map(([, each]) => each);
  return [method, number("rank", "Rank", true), ...chosen, ...rest, number("iqm", `IQM${unit("target")}`, lowIsGood("target", task), "target"),
    estimate("density_macs", "Density\n(%/M MACs)", false), number("n", "Seeds", false), number("queries", "Queries", true),
    number("hours", "Simulated\nGPU h", true), number("overhead", "Overhead\nCPU s", true)];
}
const cellText = (row, digits) => {
  if (!row) return "";
  if (state.measure === "rank") return text(row.rank);
  const found = row[state.measure];
  return found ? text(found[0], digits) : "–";
};
function linesOf(shown) {
  const lines = new Map();
  for (const task of shown)
    for (const row of byTask.get(task.id) || []) {
      if (!lines.has(row.label)) lines.set(row.label, { label: row.label, method: row.method, rows: new Map() });
      const line = lines.get(row.label);
      // two versions of a method's source with one label do not hide each other
      line.rows.set(task.id, line.rows.get(task.id) || row);
    }
  const most = Math.max(0, ...[...lines.values()].map((line) => line.rows.size));
  for (const line of lines.values()) {
    // the first of one says nothing, and few tasks are not to be held against many
    const ranks = [...line.rows.values()].filter((row) => byTask.get(row.task).length > 1).map((row) => row.rank).filter((rank) => rank !== null);
    line.covered = line.rows.size;
    line.average = ranks.length && 2 * line.covered >= most ? ranks.reduce((a, b) => a + b, 0) / ranks.length : null;
  }
  return [...lines.values()];
}
function sorted(lines, columns, shown) {
  const fallback = shown.length === 1 ? (columns.find((each) => each.key === state.measure) ? state.measure : "rank") : "average";
  const column = columns.find((each) => each.key === state.sort) || columns.find((each) => each.key === fallback);
  const up = state.sort ? state.up : column.low !== false;
  return { column, up, lines: [...lines].sort((a, b) => {
    const [x, y] = [column.get(a), column.get(b)];
    if (x === null || x === undefined || y === null || y === undefined)
      return (x === null || x === undefined) - (y === null || y === undefined) || compare(a.label, b.label); // what is missing comes last
    return (up ? 1 : -1) * compare(x, y) || compare(a.label, b.label);
  }) };
}
function drawTable(shown) {
  const columns = columnsOf(shown);
  const { column: by, up, lines } = sorted(linesOf(shown), columns, shown);
  const best = new Map(columns.filter((each) => each.row && each.low !== undefined).map((each) => {
    const there = lines.map(each.get).filter((found) => found !== null && found !== undefined);
    return [each.key, there.length > 1 ? (each.low ? Math.min(...there) : Math.max(...there)) : NaN];
  }));
  const head = make("tr", {}, columns.map((each) => make("th", {
    scope: "col", class: each.key === "label" ? "left" : false, "aria-sort": each === by ? (up ? "ascending" : "descending") : false },
  make("button", { type: "button", "data-sort": each.key, onclick: () => {
    state.up = by === each ? !up : each.low !== false;
    state.sort = each.key;
    refresh();
    document.querySelector(`[data-sort="${CSS.escape(each.key)}"]`).focus();
  } }, each.head))));
  const open = (row, words) => make("button", { type: "button", "data-row": row.id, "data-task": row.task, onclick: () => show(row) }, words);
  const body = lines.map((line) => make("tr", { class: data.methods[line.method].own ? "own" : false }, columns.map((each) => {
    if (each.key === "label") {
      const row = shown.map((task) => line.rows.get(task.id)).find(Boolean);
      return make("th", { scope: "row" }, open(row, broken(line.label)));
    }
    const row = each.row ? each.row(line) : null;
    const marked = row && ["target", "regret", "density", "rank", "density_macs"].concat(shown.map((task) => task.id)).includes(each.key)
      && each.get(line) === best.get(each.key);
    return make("td", { class: marked ? "best" : false }, row ? open(row, each.cell(line)) : each.cell(line));
  })));
  $("board").replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, body)));
  const [task] = shown;
  $("caption").textContent = shown.length === 1
    ? `${taskName(task)}: searched by ${task.objective} after ${task.search_epochs} epochs (table seeds: ${task.search_seed}), ${task.target} (${task.split}) `
      + `after ${task.report_epochs} epochs, read once for what the search returned. Means over search seeds, in brackets 95 % percentile bootstrap intervals. `
      + "Costs are never added up. Every cell opens its runs."
    : `${shown.length} tasks. ${{ target: "Mean results", regret: "Mean regrets", density: "Mean densities", rank: "Ranks by mean result" }[state.measure]} over search `
      + "seeds; the average rank is over the tasks that a method was run on, so compare it only between methods of as many tasks; it is left out below half of the "
      + "most tasks. Every cell opens its runs.";
}

// -- runs, loaded when they are asked for
const files = new Map();
const waiting = new Map();
window.nasreproRuns = (name, runs) => { files.set(name, runs); };
function runsOf(name) {
  if (files.has(name)) return Promise.resolve(files.get(name));
  if (!waiting.has(name)) waiting.set(name, new Promise((resolve, reject) => {
    const failed = () => { waiting.delete(name); reject(new Error(`runs/${name}.js is not beside this page`)); };
    document.head.append(make("script", { src: `runs/${name}.js`, onload: () => (files.has(name) ? resolve(files.get(name)) : failed()), onerror: failed }));
  }));
  return waiting.get(name);
}

// -- details of a row
async function show(row) {
  const task = tasks.get(row.task);
  const about = data.methods[row.method];
  Object.assign(state, { row: `${row.id}@${row.task}`, claim: "", ranking: "" });
  remember();
  const close = make("button", { type: "button", class: "action", onclick: () => $("detail").close() }, "Close");
  const body = $("detail-body");
  const runs = make("div", {}, make("p", { class: "soft" }, "loading the runs…"));
  body.replaceChildren(
    make("div", { class: "top" }, make("h2", { id: "detail-title" }, row.label), close),
    make("p", { class: "soft" }, `${about.doc} ${about.paper ? `(${about.paper})` : ""}`),
    make("p", {}, `${taskName(task)}. ${task.target.replaceAll("_", " ")} ${task.unit ? `(${task.unit})` : ""}: `, withInterval(row.target),
      row.regret ? ["; regret: ", withInterval(row.regret)] : [], `; rank ${text(row.rank)}; ${row.n} seeds${row.failed ? `, ${row.failed} failed` : ""}.`),
    make("h3", {}, "Runs"), runs,
    make("h3", {}, "Deviations from the paper"),
    about.deviations.length ? make("ol", {}, about.deviations.map((each) => make("li", {}, each))) : make("p", { class: "soft" }, "None stated."),
    make("h3", {}, "Claims"), claimsOf(row.method),
    make("h3", {}, "Citation"), ...[...about.bibtex, task.citation].map(citation));
  if (!$("detail").open) $("detail").showModal();
  close.focus();
  try {
    const file = await runsOf(task.file);
    runs.replaceChildren(...runTable(file.rows[row.id], task));
  } catch (error) {
    runs.replaceChildren(make("p", {}, error.message));
  }
}
// -- details of a claim, and of a ranking behind it
const line = (name, ...words) => make("p", {}, make("strong", {}, `${name}: `), ...words);
function opened(title, ...parts) {
  const close = make("button", { type: "button", class: "action", onclick: () => $("detail").close() }, "Close");
  $("detail-body").replaceChildren(make("div", { class: "top" }, make("h2", { id: "detail-title" }, title), close), ...parts.flat(Infinity).filter(Boolean));
  if (!$("detail").open) $("detail").showModal();
  close.focus();
}
function showClaim(claim) {
  Object.assign(state, { row: "", claim: claim.id, ranking: "" });
  remember();
  const link = (words, onclick) => make("li", {}, make("button", { type: "button", class: "link", onclick }, words));
  const rows = claim.rows.map((id) => data.rows.find((row) => row.id === id && tasks.get(row.task).dataset === claim.dataset) || data.rows.find((row) => row.id === id));
  const behind = [...rows.filter(Boolean).map((row) => link(`runs of ${row.label}: ${taskName(tasks.get(row.task))}`, () => show(row))),
    ...claim.rankings.map((id) => link(`ranking ${id}: ${data.rankings[id].title}`, () => showRanking(id)))];
  if (claim.study) behind.push(make("li", {}, `${claim.runs} measurements of the study ${claim.study}; its table and CSV are in the report.`));
  opened(claim.id, make("p", {}, `${claim.statement}.`), make("p", { class: "soft" }, `${claim.title} (${claim.paper}), ${claim.where}${claim.read ? "" : "; † the text was not read"}.`),
    line("Verdict", verdict(claim)), line("Published", published(claim)), line("Ours", ours(claim)), line("Why", claim.why),
    claim.reason ? line("Margin, and what differs", claim.reason) : null, claim.reading ? line("Reading", claim.reading) : null,
    make("h3", {}, "Behind it"), behind.length ? make("ul", {}, behind) : make("p", { class: "soft" }, claim.runs ? `${claim.runs} records of the store.` : "No results: it is counted, looked up, computed, or cannot be had here."));
}
function showRanking(id) {
  Object.assign(state, { row: "", claim: "", ranking: id });
  remember();
  const found = data.rankings[id], names = { kendall: "Kendall's tau-b", spearman: "Spearman's rho", top_kendall: "tau-b among the best 10 %" };
  opened(found.title, make("p", {}, `Against ${found.against}. Over ${found.n.toLocaleString("en")} architectures${found.sample ? " of a fixed random order" : ", all of the table's"}; `
      + `${found.non_finite} scores not finite${found.status === "ok" ? "" : `; ${found.status}`}.`), line("Scored with", found.with),
    Object.entries(names).map(([key, words]) => line(words, withInterval(found.figures[key], 3))),
    line("Best by score", make("span", { class: "mono" }, found.best), ` (${text(found.value, 2)} ${found.unit})`),
    make("p", { class: "soft" }, "Ranking ", make("span", { class: "mono" }, id), `; source of the scorer ${found.source}. Its id is the hash of all that determines it.`));
}
function runTable(found, task, limit = 100) {
  const place = $("detail-body");
  const heads = ["Seed", "Run", task.target.replaceAll("_", " "), "Regret", "Queries", "Architecture"];
  const line = (i) => make("tr", { id: `run-${found.ids[i]}` }, [found.seeds[i], make("span", { class: "mono" }, found.ids[i]), text(found.values[task.dataset][i]),
    text(found.regrets[task.dataset][i]), text(found.queries[i])].map((each) => make("td", {}, each instanceof Node ? each : String(each))),
  make("td", { class: "left mono" }, found.archs[found.chosen[i]]));
  const failed = found.failed.map(([seed, id, why]) => make("tr", {}, make("td", {}, String(seed)), make("td", { class: "mono" }, id),
    make("td", { class: "left", colspan: 4 }, `failed: ${why}`)));
  const count = Math.min(limit, found.ids.length);
  const table = make("table", {}, make("thead", {}, make("tr", {}, heads.map((each) => make("th", { scope: "col", class: each === "Architecture" ? "left" : false }, each)))),
    make("tbody", {}, failed, Array.from({ length: count }, (_, i) => line(i))));
  const more = count < found.ids.length ? make("button", { type: "button", class: "action", onclick: (event) => {
    event.target.closest("div").replaceChildren(...runTable(found, task, Infinity)); place.focus(); } }, `Show all ${found.ids.length} runs`) : null;
  return [make("p", { class: "soft" }, `Parameters: ${JSON.stringify(found.params)}; source ${found.method_sha256.slice(0, 16)}; table ${task.table}. `
    + "A run's id is the hash of all that determines it."), make("div", { class: "scroll", tabindex: 0 }, table), more].filter(Boolean);
}
function citation(entry) {
  const say = make("button", { type: "button", class: "action copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(entry);
    } catch { // not allowed, or an old browser
      const area = make("textarea");
      area.value = entry;
      $("detail").append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say.textContent = "Copied";
  } }, "Copy BibTeX");
  return make("div", {}, make("pre", {}, entry), say);
}
function claimsOf(method) {
  const found = data.claims.filter((claim) => claim.methods.includes(method));
  if (!found.length) return make("p", { class: "soft" }, "None about this method that was judged here.");
  return make("ul", {}, found.map((claim) => make("li", {}, `${claim.statement} (${claim.where}${claim.read ? "" : ", †"}): `, verdict(claim), `. ${claim.why.replace(/\.$/, "")}.`)));
}
const verdict = (claim) => make("strong", { class: claim.verdict.split(" ")[0] }, claim.verdict);

// -- charts
function nice(low, high, count = 5) {
  const span = high - low || Math.abs(high) || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i++) ticks.push(Number((i * step).toPrecision(10)));
  return ticks;
}
function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const digit of [1, 2, 5]) if (digit * 10 ** power >= low * 0.999 && digit * 10 ** power <= high * 1.001) ticks.push(digit * 10 ** power);
  return ticks.length > 6 ? ticks.filter((each) => /^[1]/.test(each.toExponential())) : ticks;
}
const narrow = () => window.innerWidth < 600;
const look = (i) => ({ colour: colours[i % colours.length], dash: dashes[i % dashes.length] }); // 7 and 4: 28 lines before two look alike
const short = (label, length) => (label.length > length ? `${label.slice(0, length - 1)}…` : label);

function strips(task, rows, file) {
  // one line of points for each method: its runs, their mean and its interval
  const measure = state.measure === "regret" ? "regrets" : "values";
  const key = state.measure === "regret" ? "regret" : "target";
  const width = narrow() ? 380 : 900, left = narrow() ? 110 : 220, line = 30, height = rows.length * line + 46;
  const all = rows.flatMap((row) => file.rows[row.id][measure][task.dataset].filter((each) => each !== null)).sort((a, b) => a - b);
  if (!all.length) return null;
  const low = all[Math.floor(all.length * 0.01)], high = all[all.length - 1]; // the worst hundredth stands at the edge
  const x = (each) => left + 10 + ((Math.min(Math.max(each, low), high) - low) / (high - low || 1)) * (width - left - 30);
  const points = [];
  const parts = rows.map((row, i) => {
    const found = file.rows[row.id], y = 18 + i * line, { colour } = look(i);
    const runs = found.values[task.dataset].map((_, j) => j).filter((j) => found[measure][task.dataset][j] !== null).slice(0, SHOWN_RUNS);
    const dots = runs.map((j) => {
      const dot = make("circle", { cx: x(found[measure][task.dataset][j]).toFixed(1), cy: (y + ((found.seeds[j] * 7) % 11) - 5).toFixed(1), r: 2.6, fill: colour, "fill-opacity": 0.35 });
      points.push({ node: dot, words: `${row.label}, seed ${found.seeds[j]}, run ${found.ids[j]}: ${text(found.values[task.dataset][j])} ${task.unit}`
        + `${found.regrets[task.dataset][j] === null ? "" : `, regret ${text(found.regrets[task.dataset][j])}`}, ${text(found.queries[j])} queries, ${found.archs[found.chosen[j]]}` , row });
      return dot;
    });
    const [mean, from, to] = row[key] || [null, null, null];
    return make("g", {}, make("text", { x: left, y: y + 4, "text-anchor": "end" }, short(row.label, narrow() ? 15 : 31)),
      make("line", { x1: left + 8, x2: width - 15, y1: y, y2: y, class: "rule" }), dots,
      from === null || mean === null ? null : make("line", { x1: x(from), x2: x(to), y1: y, y2: y, stroke: "var(--text)", "stroke-width": 3 }),
      mean === null ? null : make("path", { d: `M${x(mean).toFixed(1)} ${y - 9}v18`, stroke: "var(--text)", "stroke-width": 2 }));
  });
  const ticks = nice(low, high, narrow() ? 3 : 6).map((each) => make("g", {}, make("line", { x1: x(each), x2: x(each), y1: 6, y2: height - 38, class: "rule" }),
    make("text", { x: x(each), y: height - 22, "text-anchor": "middle", class: "quiet" }, each.toLocaleString("en"))));
  const name = `${key === "regret" ? "Regret" : task.target.replaceAll("_", " ")}${unitOf(key, task) ? ` (${unitOf(key, task)})` : ""}`;
  const figure = framed(width, height, [ticks, parts, make("text", { x: (left + width) / 2, y: height - 5, "text-anchor": "middle" }, name)],
    `Runs of each method (the first ${SHOWN_RUNS} seeds), mean and 95 % interval; the worst hundredth stands at the edge. Point at a run, or use the arrow keys.`);
  walk(figure.querySelector("svg"), points);
  return figure;
}
function walk(svg, points) {
  // the run behind a point: under the mouse, or by arrow keys
  let at = -1;
  const say = (i) => {
    if (points[at]) { points[at].node.setAttribute("r", 2.6); points[at].node.removeAttribute("stroke"); }
    at = i;
    if (!points[i]) return;
    points[i].node.setAttribute("r", 5);
    points[i].node.setAttribute("stroke", "var(--text)");
    $("point").textContent = points[i].words;
  };
  const places = new Map(points.map((point, i) => [point.node, i]));
  svg.addEventListener("pointerover", (event) => { if (places.has(event.target)) say(places.get(event.target)); });
  svg.addEventListener("click", (event) => { if (places.has(event.target)) show(points[places.get(event.target)].row); });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); say(Math.min(points.length - 1, Math.max(0, at + step))); }
    if (event.key === "Enter" && points[at]) { event.preventDefault(); show(points[at].row); } // or the key would press the button that gets the focus
  });
}
function framed(width, height, parts, words) {
  return make("figure", {}, make("svg", { viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img", "aria-label": words }, ...parts), make("figcaption", {}, words));
}
function anytime(task, rows, file) {
  const { curves } = file;
  const there = rows.filter((row) => curves.lines && curves.lines[row.id]);
  if (!there.length || curves.dataset !== task.dataset) return null;
  const width = narrow() ? 380 : 900, bottom = 36, left = 52, legend = 18 * Math.ceil(there.length / (narrow() ? 1 : 3)), height = 306 + legend;
  const xs = curves.x, flat = there.flatMap((row) => curves.lines[row.id].flat().filter((each) => each !== null));
  const logged = flat.every((each) => each > 0) && curves.of === "regret";
  const [low, high] = [Math.min(...flat), Math.max(...flat)];
  const scale = logged ? Math.log10 : (each) => each;
  const x = (each) => left + (Math.log10(each / xs[0]) / Math.log10(xs.at(-1) / xs[0])) * (width - left - 12);
  const y = (each) => 8 + ((scale(high) - scale(each)) / (scale(high) - scale(low) || 1)) * (300 - bottom - 12);
  const path = (values) => values.map((each, i) => `${i ? "L" : "M"}${x(xs[i]).toFixed(1)} ${y(each).toFixed(1)}`).join("");
  const lines = there.map((row, i) => {
    const [mean, from, to] = curves.lines[row.id], { colour, dash } = look(rows.indexOf(row));
    const across = narrow() ? 1 : 3, column = ((width - left) / across) * (i % across) + left, down = 306 + 18 * Math.floor(i / across) + 8;
    return make("g", {}, from[0] === null ? null : make("path", { d: `${path(from)}L${xs.map((_, j) => xs.length - 1 - j).map((j) => `${x(xs[j]).toFixed(1)} ${y(to[j]).toFixed(1)}`).join("L")}Z`, fill: colour, "fill-opacity": 0.15 }),
      make("path", { d: path(mean), fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash || false }),
      make("line", { x1: column, x2: column + 30, y1: down, y2: down, stroke: colour, "stroke-width": 2, "stroke-dasharray": dash || false }),
      make("text", { x: column + 36, y: down + 4 }, short(row.label, 38)));
  });
  const grid = [...logTicks(xs[0], xs.at(-1)).map((each) => make("g", {}, make("line", { x1: x(each), x2: x(each), y1: 8, y2: 300 - bottom, class: "rule" }),
    make("text", { x: x(each), y: 300 - bottom + 15, "text-anchor": "middle", class: "quiet" }, each.toLocaleString("en")))),
  ...(logged ? logTicks(low, high) : nice(low, high)).map((each) => make("g", {}, make("line", { x1: left, x2: width - 10, y1: y(each), y2: y(each), class: "rule" }),
    make("text", { x: left - 6, y: y(each) + 4, "text-anchor": "end", class: "quiet" }, each.toLocaleString("en"))))];
  const axis = curves.axis === "clock_s" ? "simulated training (GPU s)" : "queries";
  const of = curves.of === "regret" ? `Regret${task.unit === "%" ? " (points)" : ""}` : `${task.target} ${task.unit}`;
  return framed(width, height, [grid, lines, make("text", { x: (left + width) / 2, y: 297, "text-anchor": "middle" }, axis)],
    `${of} over ${axis}, of the architecture with the best validation score so far: means over seeds with 95 % intervals.`);
}
function rankDots(shown) {
  const lines = linesOf(shown).filter((line) => line.average !== null).sort((a, b) => a.average - b.average || compare(a.label, b.label));
  if (!lines.length) return null;
  const width = narrow() ? 380 : 900, left = narrow() ? 110 : 220, step = 24, height = lines.length * step + 40, worst = Math.max(2, ...lines.map((line) => line.average));
  const x = (rank) => left + 12 + ((rank - 1) / (worst - 1)) * (width - left - 90);
  return framed(width, height, [nice(1, worst, 5).map((each) => make("g", {}, make("line", { x1: x(each), x2: x(each), y1: 4, y2: height - 32, class: "rule" }),
    make("text", { x: x(each), y: height - 18, "text-anchor": "middle", class: "quiet" }, String(each)))),
  lines.map((line, i) => make("g", {}, make("text", { x: left, y: 18 + i * step, "text-anchor": "end" }, short(line.label, narrow() ? 15 : 31)),
    make("circle", { cx: x(line.average), cy: 14 + i * step, r: 5, fill: colours[0] }),
    make("text", { x: x(line.average) + 9, y: 18 + i * step, class: "quiet" }, `${text(line.average, 2)} (${line.covered})`))),
  make("text", { x: (left + width) / 2, y: height - 3, "text-anchor": "middle" }, "average rank (tasks)")], "Average rank over the tasks that a method was run on; 1 is best.");
}
async function drawChart(shown) {
  $("point").textContent = "";
  if (shown.length !== 1) {
    $("chart").replaceChildren(...[rankDots(shown)].filter(Boolean));
    return;
  }
  const [task] = shown;
  const rows = byTask.get(task.id);
  $("chart").replaceChildren(make("p", { class: "soft" }, "loading the runs…"));
  try {
    const file = await runsOf(task.file);
    if (shownTasks().length === 1 && shownTasks()[0] === task) $("chart").replaceChildren(...[strips(task, rows, file), anytime(task, rows, file)].filter(Boolean));
  } catch (error) {
    $("chart").replaceChildren(make("p", {}, error.message));
  }
}

// -- the rest of the page
function drawOnce() {
  const { manifest } = data;
  const sums = group(Object.entries(manifest.results), ([kind]) => kind.split(" ")[0]);
  const names = { run: "runs", rank: "rankings", study: "measurements of studies" };
  const count = [...sums].map(([kind, parts]) => `${parts.reduce((sum, [, number]) => sum + number, 0).toLocaleString("en")} ${names[kind] || kind}`).join(", ");
  $("about").textContent = `Neural-architecture-search methods on the same tables, under the same rules, with their cost. ${count}; last result ${manifest.last_result}.`;
  $("origin").textContent = JSON.stringify(manifest, null, 1);
  if (data.since) {
    $("news-part").hidden = false;
    $("news-title").textContent = `Changes since ${data.since}`;
    $("news").replaceChildren(...(data.news.length ? data.news : ["none"]).map((each) => make("li", {}, each)));
  }
  if (data.claims.length) {
    $("claims-part").hidden = false;
    const counts = group(data.claims, (claim) => claim.verdict);
    $("claims-count").textContent = `${[...counts].map(([name, each]) => `${each.length} ${name}`).join(", ")}. † the text behind the number was not read.`;
    const kinds = ["judged", ...counts.keys(), "all"];
    $("verdicts").replaceChildren(...kinds.map((each) => make("option", { value: each }, each === "judged" ? "all but blocked" : each)));
    $("verdicts").addEventListener("change", drawClaims);
    drawClaims();
  }
  $("detail").addEventListener("close", () => { Object.assign(state, { row: "", claim: "", ranking: "" }); remember(); });
  $("detail").addEventListener("click", (event) => { if (event.target === $("detail")) $("detail").close(); });
}

const published = (claim) => (claim.published === null ? "–" : `${String(claim.published).replace("-", "−")} ${claim.unit}${claim.read ? "" : " †"}`);
function ours(claim) {
  // one decimal more than was published, as in the report
  if (claim.ours === null) return ["–"];
  const known = claim.published === null ? "00" : String(claim.published).split(".")[1] || "";
  return withInterval([claim.ours, claim.low, claim.high], Math.min(4, known.length + 1));
}
function drawClaims() {
  const wanted = $("verdicts").value;
  const kept = data.claims.filter((claim) => wanted === "all" || (wanted === "judged" ? claim.verdict !== "blocked" : claim.verdict === wanted));
  $("claims").replaceChildren(make("thead", {}, make("tr", {}, ["Claim", "Verdict", "Published", "Ours", "Statement"].map((each, i) =>
    make("th", { scope: "col", class: i === 2 || i === 3 ? false : "left" }, each)))),
  make("tbody", {}, kept.map((claim) => make("tr", {}, make("th", { scope: "row", class: "left" }, make("button", { type: "button", "data-claim": claim.id, onclick: () => showClaim(claim) }, claim.id)),
    make("td", { class: "left" }, verdict(claim)),
    make("td", {}, published(claim)),
    make("td", {}, claim.ours === null ? "–" : make("button", { type: "button", onclick: () => showClaim(claim) }, ours(claim))),
    make("td", { class: "left wrap" }, [`${claim.statement} (${claim.paper}, ${claim.where})`, claim.why, claim.reading].filter(Boolean).map((each) => `${each.replace(/\.$/, "")}.`).join(" "))))));
}

// -- the address keeps the state: a view can be linked to, and #row=<id> opens the runs of a table's row
function remember() {
  const kept = Object.entries(state).filter(([name, each]) => each && !(name === "up") && !(name === "measure" && each === "target"));
  if (state.sort && !state.up) kept.push(["down", "1"]);
  history.replaceState(null, "", kept.length ? `#${new URLSearchParams(kept)}` : location.pathname + location.search);
}
function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const name of ["oracle", "dataset", "budget", "sort", "row", "claim", "ranking"]) state[name] = kept.get(name) || "";
  state.measure = kept.get("measure") in measures ? kept.get("measure") : "target";
  state.up = kept.get("down") !== "1";
  if (!shownTasks().length) state.oracle = state.dataset = state.budget = "";
  const [id, task] = state.row.split("@");
  return id ? data.rows.find((row) => row.id === id && (!task || row.task === task)) : null;
}
function refresh() {
  const shown = shownTasks();
  drawFilters();
  $("name-target").textContent = shown.length === 1 ? shown[0].target.replaceAll("_", " ") : "result";
  document.querySelector(`input[value="${state.measure}"]`).checked = true;
  drawTable(shown);
  drawChart(shown);
  remember();
}
setUp();
drawOnce();
function start() {
  const row = recall();
  refresh();
  const claim = data.claims.find((each) => each.id === state.claim);
  if (row) show(row);
  else if (claim) showClaim(claim);
  else if (data.rankings[state.ranking]) showRanking(state.ranking);
}
window.addEventListener("hashchange", start);
start();
