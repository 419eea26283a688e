// -- filters
function options(name) {
  const others = FILTERS.filter((other) => other !== name && other !== "variants");
  const possible = data.tasks.filter((task) =>
    (name === "variants" || task.variants === state.variants)
    && others.every((other) => !state[other] || task[other] === state[other]));
  const order = (a, b) => a.localeCompare(b, "en", { numeric: true });
  return [...new Set(possible.map((task) => task[name]))].filter(Boolean).sort(order);
}
function drawFilters() {
  for (const name of FILTERS) {
    const first = name === "variants" ? "main rows" : "all";
    const words = (each) => (name === "variants" ? `variants of ${each}` : each);
    const known = options(name);
    $(name).replaceChildren(
      make("option", { value: "" }, first),
      ...known.map((each) => make("option", { value: each }, words(each))));
    $(name).value = state[name];
    if (name === "variants") $(name).parentElement.hidden = !known.length && !state.variants;
  }
  $("find").value = state.find;
}
function setUp() {
  for (const name of FILTERS)
    $(name).addEventListener("change", () => { state[name] = $(name).value; state.sort = ""; refresh(); });
  $("find").addEventListener("input", () => { state.find = $("find").value; drawTable(); remember(); });
  for (const [name, words] of Object.entries(measures))
    $("measures").append(make("label", {}, make("input", {
      type: "radio", name: "measure", value: name,
      onchange: () => { state.measure = name; state.sort = ""; refresh(); } }),
    make("span", { id: `name-${name}` }, words)));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("csv").addEventListener("click", () => download("leaderboard.csv", "text/csv", csvOf(view())));
  $("tex").addEventListener("click", () => download("leaderboard.tex", "text/x-tex", texOf(view())));
}

// -- the table: columns {key, head, better, get(line) -> [number, text, interval, mark], row(line)}
function view() {
  const shown = shownTasks();
  const whole = shown.length === 1 ? oneTask(shown[0]) : allTasks(shown);
  const columns = whole.columns.filter((column) => !state.columns.has(column.key));
  const wanted = state.find.toLowerCase().split(/\s+/).filter(Boolean);
  const lines = whole.lines.filter((line) => !state.hidden.has(line.label)
    && wanted.every((word) => line.label.toLowerCase().includes(word)));
  const by = columns.find((column) => column.key === state.sort)
    || columns.find((column) => column.key === whole.sort) || columns[0];
  const up = by && state.sort ? state.up : !by || by.better !== "high";
  const key = (line) => (by && by.key === "label" ? line.label : by ? (by.get(line) || [null])[0] : null);
  const sorted = [...lines].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (absent(x) || absent(y)) return absent(x) - absent(y); // missing last, in the order over all tasks
    return (up ? 1 : -1) * compare(x, y) || compare(a.label, b.label);
  });
  return { shown, whole, columns, lines: sorted, by, up };
}
const METHOD = { key: "label", head: "Method", better: "", get: (line) => [line.label, line.label, "", ""] };
function oneTask(task) {
  const lines = byTask.get(task.id).map((row) => ({ label: row.label, method: row.method, row }));
  const first = measureOf(task);
  const order = ([key]) => (key === "rank" ? 0 : key === first ? 1 : 2);
  const columns = [...task.columns].sort((a, b) => order(a) - order(b)).map(([key, head, better]) => ({
    key, head, better, get: (line) => line.row.cells[key], row: (line) => line.row }));
  return { columns: [METHOD, ...columns], lines, sort: task.columns.some(([key]) => key === first) ? first : "rank" };
}
function allTasks(shown) {
  const lines = new Map();
  const lineOf = (label, method) => {
    if (!lines.has(label)) lines.set(label, { label, method, rows: new Map(), overall: null });
    return lines.get(label);
  };
  if (data.overall && !state.variants)
    for (const row of data.overall.rows) lineOf(row.label, row.method).overall = row;
  for (const task of shown)
    for (const row of byTask.get(task.id)) lineOf(row.label, row.method).rows.set(task.id, row);
  const overall = !data.overall || state.variants ? [] : data.overall.columns.map(([key, head, better]) => ({
    key: `overall-${key}`, head, better, get: (line) => line.overall && line.overall.cells[key] }));
  const wide = [...shown].sort((a, b) => byTask.get(b.id).length - byTask.get(a.id).length); // those of most methods first
  const each = wide.map((task) => ({
    key: task.id, task, better: (task.columns.find(([key]) => key === measureOf(task)) || [])[2],
    head: `${task.oracle}\n${task.searched === task.dataset ? task.dataset : `→ ${task.dataset}`}\n${task.budget}`,
    get: (line) => line.rows.get(task.id) && line.rows.get(task.id).cells[measureOf(task)],
    row: (line) => line.rows.get(task.id) }));
  const kept = [...lines.values()].filter((line) => line.rows.size);
  return { columns: [METHOD, ...overall, ...each], lines: kept, sort: overall.length ? "overall-rank" : each[0] && each[0].key };
}
function drawTable() {
  const { shown, whole, columns, lines, by, up } = view();
  const sortBy = (column) => () => {
    state.up = by === column ? !up : column.better !== "high";
    state.sort = column.key;
    refresh();
    document.querySelector(`[data-sort="${CSS.escape(column.key)}"]`).focus();
  };
  const head = columns.map((column) => make("th", {
    scope: "col", class: column.key === "label" ? "left" : false,
    "aria-sort": column === by ? (up ? "ascending" : "descending") : false },
  make("button", { type: "button", "data-sort": column.key, onclick: sortBy(column) }, column.head)));
  const open = (row, ...words) => make(
    "button", { type: "button", "data-row": row.id, "data-task": row.task, onclick: () => show(row) }, ...words);
  const cell = (line, column) => {
    if (column.key === "label") {
      const row = line.row || [...line.rows.values()][0];
      return make("th", { scope: "row" }, make("span", { class: "name" }, keyOf(line.label), open(row, broken(line.label),
        isFloating(line) ? make("abbr", { title: data.floating[1] }, data.floating[0]) : "")));
    }
    const entry = column.get(line), row = column.row ? column.row(line) : null;
    if (!entry) return make("td", {}, "");
    const mark = entry[3];
    return make("td", { class: mark || false }, row ? open(row, withInterval(entry)) : withInterval(entry));
  };
  $("board").replaceChildren(make("table", {},
    make("caption", { class: "hidden" }, shown.length === 1 ? taskName(shown[0]) : "All tasks shown"),
    make("thead", {}, make("tr", {}, head)),
    make("tbody", {}, lines.map((line) => make(
      "tr", { class: isOwn(line) ? "own" : false }, columns.map((column) => cell(line, column)))))));
  $("caption").textContent = captionOf(shown);
  drawToggles(whole);
}
// the best method and how certain that is: computed by Python
function drawAnswer(shown) {
  const chosen = FILTERS.some((name) => state[name]);
  const said = !chosen && data.overall ? [data.overall.answer]
    : shown.length === 1 ? [shown[0].answer]
      : shown.length <= SAID ? shown.map((task) => [make("strong", {}, taskName(task)), `: ${task.answer}`])
        : [`${shown.length} tasks are shown; choose a data set and a budget.`];
  $("answer").replaceChildren(...said.filter(Boolean).map((each) => make("p", {}, each)));
}
const SAID = 6;
function captionOf(shown) {
  const close = "In bold: best; underlined: second; ≈: shown to be worse than the best by less than a margin (see the report's legend); a row without a mark is not necessarily worse.";
  if (shown.length !== 1) {
    const over = data.overall && !state.variants ? `${data.overall.caption} ${data.overall.legend} ${data.overall.notes.join(" ")} ` : "";
    return `${over}${shown.length} tasks are shown. ${close} Every cell opens its runs.`;
  }
  const [task] = shown;
  const seed = task.search_seed === "mean" ? "the mean over the table's training seeds" : `training seed ${task.search_seed}`;
  const floating = byTask.get(task.id).some(isFloating) ? ` ${data.floating[1]}` : "";
  return `${taskName(task)} (table ${task.table}). Search: by ${task.objective}, ${seed}. Reported: ${task.target} `
    + `(${task.split}) of ${task.report_epochs}-epoch trainings. Means over search seeds with their intervals, nominally 95 % (with fewer than 50 seeds their true coverage is lower). ${close}${floating}`;
}
function drawToggles(whole) {
  const list = (id, entries, chosen, words) => $(id).replaceChildren(...entries.map((entry) => make("label", {},
    make("input", { type: "checkbox", checked: !chosen.has(entry), onchange: (event) => {
      if (event.target.checked) chosen.delete(entry); else chosen.add(entry);
      drawTable();
      drawChart(shownTasks());
      remember();
    } }), " ", words(entry))));
  const focus = document.activeElement && document.activeElement.closest("#methods-list, #columns-list");
  if (focus) return; // a box keeps the focus while it is used
  const heads = new Map(whole.columns.map((column) => [column.key, plain(column.head)]));
  list("methods-list", whole.lines.map((line) => line.label).sort(compare), state.hidden, (each) => each);
  list("columns-list", [...heads.keys()].filter((key) => key !== "label"), state.columns, (each) => heads.get(each));
}

// -- downloads of what is shown
const textsOf = ({ columns, lines }) => [
  columns.map((column) => plain(column.head)),
  ...lines.map((line) => columns.map((column) => {
    const entry = column.get(line);
    return entry ? [entry[1], entry[2]].filter(Boolean).join(" ") : "";
  }))];
function csvOf(shown) {
  const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return textsOf(shown).map((line) => line.map((each) => quoted(safe(each))).join(",")).join("\n") + "\n";
}
const TEX = { "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "&": "\\&", "%": "\\%", $: "\\$", "#": "\\#",
  _: "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "−": "$-$", "≈": "$\\approx$",
  "▸": "$\\triangleright$", "–": "--", "→": "$\\to$", "[": "{[}", "]": "{]}", "*": "{*}", "<": "$<$", ">": "$>$", "|": "$|$" };
function texOf(shown) {
  const escaped = (text) => text.replace(/[\\{}&%$#_~^±−≈▸–→[\]*<>|]/g, (each) => TEX[each]);
  const [head, ...lines] = textsOf(shown).map((line) => line.map(escaped).join(" & "));
  return ["% needs \\usepackage{booktabs}", `\\begin{tabular}{l${"r".repeat(shown.columns.length - 1)}}`, "\\toprule",
    `${head} \\\\`, "\\midrule", ...lines.map((line) => `${line} \\\\`), "\\bottomrule", "\\end{tabular}", ""].join("\n");
}
function download(name, type, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}
