// -- two methods on the tasks that are shown: differences, intervals and verdicts, made in Python
async function drawCompare() {
  const labels = [...new Set(data.tasks.filter((task) => !task.variants)
    .flatMap((task) => byTask.get(task.id).map((row) => row.label)))].sort(compare);
  const shown = shownTasks();
  const best = shown.length === 1 ? byTask.get(shown[0].id) : data.overall ? data.overall.rows : [];
  const first = [...best.map((row) => row.label), ...labels].filter((each) => labels.includes(each));
  for (const [id, at] of [["compare-a", 0], ["compare-b", 1]]) {
    const chosen = state[id] || first[at] || "";
    $(id).replaceChildren(...labels.map((each) => make("option", { value: each }, each)));
    $(id).value = labels.includes(chosen) ? chosen : first[at] || "";
  }
  const [a, b] = [$("compare-a").value, $("compare-b").value];
  const rowOf = (task, label) => byTask.get(task.id).find((row) => row.label === label);
  const both = shownTasks().filter((task) => !task.variants && rowOf(task, a) && rowOf(task, b) && a !== b);
  let pairs = {};
  try {
    pairs = await runsOf("pairs");
  } catch (error) {
    $("compare-sum").textContent = error.message;
    return;
  }
  const lines = both.map((task) => {
    const [first, second] = [rowOf(task, a).id, rowOf(task, b).id];
    const there = (pairs[task.id] || {})[`${first} ${second}`];
    return { task, found: there || turned((pairs[task.id] || {})[`${second} ${first}`]) };
  }).filter(({ found }) => found);
  const count = (verdict) => lines.filter(({ found }) => found[2] === verdict).length;
  $("compare-sum").textContent = lines.length
    ? `A is better on ${count("A")} of ${lines.length} tasks, B on ${count("B")}, equivalent on ${count("equivalent")}.`
    : "No displayed task has both.";
  const head = ["Task", "A − B", "Interval", "Better"];
  const named = (verdict) => verdict.replace(/^A\b/, a).replace(/^B\b/, b);
  $("compared").replaceChildren(
    make("caption", { class: "hidden" }, `${a} against ${b}`),
    make("thead", {}, make("tr", {}, head.map((each, i) => make("th", { scope: "col", class: i % 3 ? false : "left" }, each)))),
    make("tbody", {}, lines.map(({ task, found }) => make("tr", {},
      make("th", { scope: "row", class: "left" }, taskName(task)), make("td", {}, found[0]),
      make("td", {}, found[1]), make("td", { class: "left" }, named(found[2]))))));
  $("compare-legend").textContent = data.compared;
}
// B - A of a printed A - B
function turned(found) {
  if (!found) return null;
  const minus = (words) => words.replace(/^(−?)(?=\d)/, (sign) => (sign ? "" : "−")).replace(/^−(0\.0+)(?!\d)/, "$1");
  const ends = found[1].match(/^\[(.*), (.*)\]$/);
  const other = { A: "B", B: "A", "A not worse": "B not worse", "B not worse": "A not worse" };
  return [minus(found[0]), ends ? `[${minus(ends[2])}, ${minus(ends[1])}]` : found[1], other[found[2]] || found[2]];
}

// -- average ranks over the nights
function drawHistory() {
  const nights = data.history;
  if (nights.length < 2) return;
  $("history-part").hidden = false;
  const last = nights.at(-1);
  const labels = [...new Set(nights.flatMap((night) => Object.keys(night.ranks)))]
    .sort((a, b) => (last.ranks[a] ?? Infinity) - (last.ranks[b] ?? Infinity) || compare(a, b));
  const shown = labels.filter((label, i) => i < EMPHASISED || label.startsWith("▸") || lookOf(label).marker === "*");
  const ranks = nights.flatMap((night) => Object.values(night.ranks));
  const [low, high] = [Math.min(1, ...ranks), Math.max(2, ...ranks)];
  const width = narrow() ? 380 : 900, left = 40, across = narrow() ? 1 : 3, bottom = 260;
  const height = bottom + 36 + 18 * Math.ceil(shown.length / across);
  const x = (i) => left + (i / (nights.length - 1)) * (width - left - 16);
  const y = (rank) => 10 + ((rank - low) / (high - low)) * (bottom - 20);
  const points = (label) => nights.map((night, at) => [at, night.ranks[label]]).filter(([, rank]) => !absent(rank));
  const path = (label) => points(label).map(([at, rank], j) => `${j ? "L" : "M"}${x(at).toFixed(1)} ${y(rank).toFixed(1)}`).join("");
  const grey = labels.filter((label) => !shown.includes(label)).map((label) => make("path", {
    d: path(label), fill: "none", stroke: "var(--line)", "stroke-width": 1.5 }, make("title", {}, label)));
  const lines = shown.map((label, i) => {
    const { colour, dash } = lookOf(label), style = { stroke: colour, "stroke-width": 2, "stroke-dasharray": dash || false };
    const column = ((width - left) / across) * (i % across) + left, down = bottom + 36 + 18 * Math.floor(i / across);
    return make("g", {}, make("g", { class: "series" }, make("path", { d: path(label), fill: "none", ...style }),
      points(label).map(([at, rank]) => markOf(label, x(at), y(rank), 4)),
      make("line", { x1: column, x2: column + 30, y1: down, y2: down, ...style })), make("text", { x: column + 36, y: down + 4 }, short(label, 38)));
  });
  const grid = nice(low, high).map((each) => make("g", {}, make("line", { x1: left, x2: width - 10, y1: y(each), y2: y(each), class: "rule" }),
    make("text", { x: left - 6, y: y(each) + 4, "text-anchor": "end", class: "quiet" }, String(each))));
  const dates = [0, nights.length - 1].map((i) => make("text", { x: x(i), y: bottom + 12, "text-anchor": i ? "end" : "start", class: "quiet" }, nights[i].date.slice(0, 10)));
  const verdicts = Object.entries(last.verdicts).map(([name, count]) => `${count} ${name}`).join(", ");
  $("history").replaceChildren(framed(width, height, [grid, grey, lines, dates],
    `Mean rank over the tasks that all ${nights.length} reports have; 1 is best. Verdicts of the last: ${verdicts || "none"}.${grey.length ? " In grey: the other methods." : ""}`));
}
