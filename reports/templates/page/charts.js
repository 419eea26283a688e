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
const SHOWN_RUNS = 200;
const DECADES = 1000;
const BANDS = 2; // more would hide each other
const short = (label, length) => (label.length > length ? `${label.slice(0, length - 1)}…` : label);

function strips(task, rows, file) {
  // one line of points for each method: its runs, their mean and its interval
  const measure = state.measure === "regret" ? "regrets" : "values";
  const key = state.measure === "regret" ? "regret" : "target";
  const width = narrow() ? 380 : 900, left = narrow() ? 122 : 220, line = 30, height = rows.length * line + 46;
  const ends = file.range[task.dataset][measure];
  if (!ends) return null;
  const [low, high] = ends; // the worst hundredth is drawn at the edge
  const x = (each) => left + 10 + ((Math.min(Math.max(each, low), high) - low) / (high - low || 1)) * (width - left - 30);
  const points = [];
  const parts = rows.map((row, i) => {
    const found = file.rows[row.id], y = 18 + i * line, { colour } = lookOf(row.label);
    const runs = found.values[task.dataset].map((_, j) => j).filter((j) => found[measure][task.dataset][j] !== null).slice(0, SHOWN_RUNS);
    const dots = runs.map((j) => {
      const dot = make("circle", { cx: x(found[measure][task.dataset][j]).toFixed(1), cy: (y + ((found.seeds[j] * 7) % 11) - 5).toFixed(1), r: 2.6, fill: colour, "fill-opacity": 0.35 });
      points.push({ node: dot, words: `${row.label}, seed ${found.seeds[j]}, run ${found.ids[j]}: ${text(found.values[task.dataset][j])} ${task.unit}`
        + `${found.regrets[task.dataset][j] === null ? "" : `, regret ${text(found.regrets[task.dataset][j])}`}, ${text(found.queries[j])} queries, ${found.archs[found.chosen[j]]}` , row });
      return dot;
    });
    const [mean, from, to] = (file.estimates[task.dataset][key] || {})[row.id] || [null, null, null];
    return make("g", {}, make("text", { x: left, y: y + 4, "text-anchor": "end" }, short(row.label, narrow() ? 15 : 31)),
      make("line", { x1: left + 8, x2: width - 15, y1: y, y2: y, class: "rule" }), make("g", { class: "series" }, dots),
      from === null || mean === null ? null : make("line", { x1: x(from), x2: x(to), y1: y, y2: y, stroke: "var(--text)", "stroke-width": 3 }),
      mean === null ? null : make("g", { class: "series" }, markOf(row.label, x(mean), y, 6)));
  });
  const ticks = nice(low, high, narrow() ? 3 : 6).map((each) => make("g", {}, make("line", { x1: x(each), x2: x(each), y1: 6, y2: height - 38, class: "rule" }),
    make("text", { x: x(each), y: height - 22, "text-anchor": "middle", class: "quiet" }, each.toLocaleString("en"))));
  const name = `${key === "regret" ? "Regret" : task.target.replaceAll("_", " ")}${(key === "regret" && task.unit === "%" ? "points" : task.unit) ? ` (${(key === "regret" && task.unit === "%" ? "points" : task.unit)})` : ""}`;
  const figure = framed(width, height, [ticks, parts, make("text", { x: (left + width) / 2, y: height - 5, "text-anchor": "middle" }, name)],
    `Runs of each method (the first ${SHOWN_RUNS} seeds), mean and interval; the worst hundredth is drawn at the edge. Point at a run, or use the arrow keys.`);
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
  const coloured = emphasised(there), named = there.filter((row) => coloured.has(row));
  if (!there.length || curves.dataset !== task.dataset) return null;
  const width = narrow() ? 380 : 900, bottom = 36, left = 52, legend = 18 * Math.ceil(named.length / (narrow() ? 1 : 3)), height = 306 + legend;
  // the axis is that of the lines in colour: a grey one far away does not squeeze them
  const xs = curves.x, flat = named.flatMap((row) => curves.lines[row.id][0]), known = flat.filter((each) => each > 0);
  const logged = curves.of === "regret" && known.length > 0, high = Math.max(...flat);
  const low = logged ? Math.max(Math.min(...known), high / DECADES) : Math.min(...flat); // the optimum stands at the edge
  const scale = logged ? Math.log10 : (each) => each;
  const x = (each) => left + (Math.log10(each / xs[0]) / Math.log10(xs.at(-1) / xs[0])) * (width - left - 12);
  const y = (each) => 8 + ((scale(high) - scale(Math.min(Math.max(each, low), high))) / (scale(high) - scale(low) || 1)) * (300 - bottom - 12);
  const path = (values) => values.map((each, i) => `${i ? "L" : "M"}${x(xs[i]).toFixed(1)} ${y(each).toFixed(1)}`).join("");
  const grey = there.filter((row) => !coloured.has(row)).map((row) => make("path", {
    d: path(curves.lines[row.id][0]), fill: "none", stroke: "var(--line)", "stroke-width": 1.5 }, make("title", {}, row.label)));
  const lines = named.map((row, i) => {
    const [mean, from, to] = curves.lines[row.id], { colour, dash } = lookOf(row.label);
    const style = { stroke: colour, "stroke-width": 2, "stroke-dasharray": dash || false };
    const across = narrow() ? 1 : 3, column = ((width - left) / across) * (i % across) + left, down = 306 + 18 * Math.floor(i / across) + 8;
    const band = from[0] !== null && i < BANDS
      ? make("path", { d: `${path(from)}L${xs.map((_, j) => xs.length - 1 - j).map((j) => `${x(xs[j]).toFixed(1)} ${y(to[j]).toFixed(1)}`).join("L")}Z`, fill: colour, "fill-opacity": 0.15 }) : null;
    return make("g", {}, make("g", { class: "series" }, band, make("path", { d: path(mean), fill: "none", ...style }),
      markOf(row.label, x(xs.at(-1)), y(mean.at(-1)), 4),
      make("line", { x1: column, x2: column + 30, y1: down, y2: down, ...style }), markOf(row.label, column + 15, down, 4)),
    make("text", { x: column + 36, y: down + 4 }, short(row.label, 38)));
  });
  const grid = [...logTicks(xs[0], xs.at(-1)).map((each) => make("g", {}, make("line", { x1: x(each), x2: x(each), y1: 8, y2: 300 - bottom, class: "rule" }),
    make("text", { x: x(each), y: 300 - bottom + 15, "text-anchor": "middle", class: "quiet" }, each.toLocaleString("en")))),
  ...(logged ? logTicks(low, high) : nice(low, high)).map((each) => make("g", {}, make("line", { x1: left, x2: width - 10, y1: y(each), y2: y(each), class: "rule" }),
    make("text", { x: left - 6, y: y(each) + 4, "text-anchor": "end", class: "quiet" }, each.toLocaleString("en"))))];
  const axis = curves.axis === "clock_s" ? "simulated training (s)" : "queries";
  const of = curves.of === "regret" ? `Regret${task.unit === "%" ? " (points)" : ""}` : `${task.target} ${task.unit}`;
  return framed(width, height, [grid, grey, lines, make("text", { x: (left + width) / 2, y: 297, "text-anchor": "middle" }, axis)],
    `${of} over ${axis}, of the architecture with the best validation score so far: means over seeds, for the best ${BANDS} with their intervals.`
    + (grey.length ? ` In grey: the other ${grey.length}; hide methods to see them.` : "")
    + " Values beyond the axis are drawn at its edge.");
}
function rankDots() {
  // average ranks with their intervals over seeds, as the table over all tasks has them
  if (!data.overall || state.variants) return null;
  const lines = data.overall.rows.filter((line) => !state.hidden.has(line.label));
  const both = data.overall.columns.some(([key]) => key === "common");
  const width = narrow() ? 380 : 900, left = narrow() ? 122 : 220, step = both ? 32 : 24, height = lines.length * step + 40;
  const worst = data.overall.rows.length;
  const x = (rank) => left + 12 + ((rank - 1) / (worst - 1)) * (width - left - 90);
  const dot = (line, name, ends, y, colour) => {
    if (!line.cells[name]) return null;
    const [rank, words] = line.cells[name], [from, to] = ends || [rank, rank];
    return [make("line", { x1: x(from), x2: x(to), y1: y, y2: y, stroke: colour, "stroke-width": 2 }),
      make("g", { class: "series" }, markOf(line.label, x(rank), y)),
      make("text", { x: x(to) + 9, y: y + 4, class: "quiet" }, words)];
  };
  return framed(width, height, [nice(1, worst, 5).map((each) => make("g", {}, make("line", { x1: x(each), x2: x(each), y1: 4, y2: height - 32, class: "rule" }),
    make("text", { x: x(each), y: height - 18, "text-anchor": "middle", class: "quiet" }, String(each)))),
  lines.map((line, i) => make("g", {}, make("text", { x: left, y: 18 + i * step, "text-anchor": "end" }, short(line.label, narrow() ? 15 : 31)),
    dot(line, "rank", line.ends, 14 + i * step, "var(--text)"), dot(line, "common", line.common_ends, 28 + i * step, "var(--soft)"))),
  make("text", { x: (left + width) / 2, y: height - 3, "text-anchor": "middle" }, "average rank")],
  `Average rank with its interval over seeds; 1 is best. Above: over all tasks${both ? "; below: over the tasks that all of them were run on" : ""}.`);
}
async function drawChart(shown) {
  $("point").textContent = "";
  if (shown.length !== 1) {
    $("chart").replaceChildren(...[rankDots()].filter(Boolean));
    return;
  }
  const [task] = shown;
  const rows = byTask.get(task.id).filter((row) => !state.hidden.has(row.label));
  $("chart").replaceChildren(make("p", { class: "soft" }, "loading the runs…"));
  try {
    const file = await runsOf(task.file);
    if (shownTasks().length === 1 && shownTasks()[0] === task) $("chart").replaceChildren(...[strips(task, rows, file), anytime(task, rows, file)].filter(Boolean));
  } catch (error) {
    $("chart").replaceChildren(make("p", {}, error.message));
  }
}
