// -- details of a row, of a claim, of a ranking
const paragraph = (name, ...words) => make("p", {}, make("strong", {}, `${name}: `), ...words);
const text = (value) => (absent(value) ? "–" : String(value).replace("-", "−"));
const verdict = (claim) => make("strong", { class: claim.verdict.split(" ")[0] }, claim.verdict);
function opened(title, ...parts) {
  const close = make("button", { type: "button", class: "action", onclick: () => $("detail").close() }, "Close");
  $("detail-body").replaceChildren(
    make("div", { class: "top" }, make("h2", { id: "detail-title" }, title), close),
    ...parts.flat(Infinity).filter(Boolean));
  if (!$("detail").open) $("detail").showModal();
  close.focus();
}
async function show(row) {
  const task = tasks.get(row.task);
  const about = data.methods[row.method];
  Object.assign(state, { row: `${row.id}@${row.task}`, claim: "", ranking: "" });
  remember();
  const runs = make("div", {}, make("p", { class: "soft" }, "loading the runs…"));
  const figures = task.columns.filter(([key]) => row.cells[key]).map(([key, head]) =>
    [make("dt", {}, plain(head)), make("dd", {}, withInterval(row.cells[key]))]);
  const failed = row.failed ? `, ${row.failed} failed` : "";
  opened(row.label,
    make("p", { class: "soft" }, `${about.doc} ${about.paper ? `(${about.paper})` : ""}`),
    make("p", {}, `${taskName(task)}; ${row.n} seeds${failed}.`), make("dl", {}, figures),
    make("h3", {}, "Runs"), runs,
    make("h3", {}, "Deviations from the paper"),
    about.deviations.length
      ? make("ol", {}, about.deviations.map((each) => make("li", {}, code(each))))
      : make("p", { class: "soft" }, "None stated."),
    make("h3", {}, "Claims"), claimsOf(row.method),
    make("h3", {}, "Citation"), [...about.bibtex, task.citation].map(citation));
  try {
    const file = await runsOf(task.file);
    runs.replaceChildren(...runTable(file.rows[row.id], task));
  } catch (error) {
    runs.replaceChildren(make("p", {}, error.message));
  }
}
// words between backticks are code
const code = (words) => words.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));
function showClaim(claim) {
  Object.assign(state, { row: "", claim: claim.id, ranking: "" });
  remember();
  const link = (words, onclick) => make("li", {}, make("button", { type: "button", class: "link", onclick }, words));
  const rowOf = (id) => data.rows.find((row) => row.id === id && tasks.get(row.task).dataset === claim.dataset)
    || data.rows.find((row) => row.id === id);
  const behind = [
    ...claim.rows.map(rowOf).filter(Boolean).map((row) =>
      link(`runs of ${row.label}: ${taskName(tasks.get(row.task))}`, () => show(row))),
    ...claim.rankings.map((id) => link(`ranking ${id}: ${data.rankings[id].title}`, () => showRanking(id)))];
  if (claim.study) behind.push(make("li", {},
    `${claim.runs} measurements of the study ${claim.study}; its table and CSV are in the report.`));
  const none = claim.runs ? `${claim.runs} records of the store.` : "No runs: this claim is computed or cannot be tested here.";
  opened(claim.id,
    make("p", {}, code(`${claim.statement}.`)),
    make("p", { class: "soft" },
      `${claim.title} (${claim.paper}), ${claim.where}${claim.read ? "" : "; †: the text was not read"}.`),
    paragraph("Verdict", verdict(claim)), paragraph("Published", publishedOf(claim)),
    paragraph("Ours", claim.ours), paragraph("Why", code(claim.why)),
    claim.reason ? paragraph("Margin and differences", code(claim.reason)) : null,
    claim.reading ? paragraph("Reading", code(claim.reading)) : null,
    make("h3", {}, "Behind it"), behind.length ? make("ul", {}, behind) : make("p", { class: "soft" }, none));
}
function showRanking(id) {
  Object.assign(state, { row: "", claim: "", ranking: id });
  remember();
  const found = data.rankings[id];
  const names = { kendall: "Kendall's tau-b", spearman: "Spearman's rho", top_kendall: "tau-b among the best 10 %" };
  const over = found.sample ? " of a fixed random order" : ", all of the table's";
  const status = found.status === "ok" ? "" : `; ${found.status}`;
  opened(found.title,
    make("p", {}, `Against ${found.against}. Over ${found.n} architectures${over}; ${found.non_finite} scores not finite${status}.`),
    paragraph("Scored with", found.with),
    Object.entries(names).map(([key, words]) => paragraph(words, found.figures[key])),
    paragraph("Best by score", make("span", { class: "mono" }, found.best), ` (${found.value})`),
    make("p", { class: "soft" }, "Ranking ", make("span", { class: "mono" }, id),
      `; source of the scorer ${found.source}. Its id is the hash of everything that determines it.`));
}
function runTable(found, task, limit = 100) {
  const heads = ["Seed", "Run", task.target.replaceAll("_", " "), "Regret", "Queries", "Architecture"];
  const left = (head) => (head === "Architecture" ? "left" : false);
  const line = (i) => make("tr", { id: `run-${found.ids[i]}` },
    make("td", {}, text(found.seeds[i])), make("td", { class: "mono" }, found.ids[i]),
    [found.values[task.dataset][i], found.regrets[task.dataset][i], found.queries[i]].map((each) => make("td", {}, text(each))),
    make("td", { class: "left mono" }, found.archs[found.chosen[i]]));
  const failed = found.failed.map(([seed, id, why]) => make("tr", {},
    make("td", {}, text(seed)), make("td", { class: "mono" }, id),
    make("td", { class: "left", colspan: 4 }, `failed: ${why}`)));
  const count = Math.min(limit, found.ids.length);
  const table = make("table", {},
    make("thead", {}, make("tr", {}, heads.map((each) => make("th", { scope: "col", class: left(each) }, each)))),
    make("tbody", {}, failed, Array.from({ length: count }, (_, i) => line(i))));
  const all = (event) => {
    event.target.closest("div").replaceChildren(...runTable(found, task, Infinity));
    $("detail-body").focus();
  };
  const more = count < found.ids.length
    ? make("button", { type: "button", class: "action", onclick: all }, `Show all ${found.ids.length} runs`) : null;
  const origin = `Parameters: ${JSON.stringify(found.params)}; source ${found.method_sha256.slice(0, 16)}; `
    + `table ${task.table}. A run's id is the hash of everything that determines it.`;
  const frame = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Runs" }, table);
  return [make("p", { class: "soft" }, origin), frame, more].filter(Boolean);
}
function citation(entry) {
  const copy = async () => {
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
  };
  const say = make("button", { type: "button", class: "action copy", onclick: copy }, "Copy BibTeX");
  return make("div", {}, make("pre", { tabindex: 0 }, entry), say);
}
function claimsOf(method) {
  const found = data.claims.filter((claim) => claim.methods.includes(method));
  if (!found.length) return make("p", { class: "soft" }, "None about this method that was judged here.");
  return make("ul", {}, found.map((claim) => make("li", {},
    `${claim.statement} (${claim.where}${claim.read ? "" : ", †"}): `, verdict(claim), `. ${claim.why.replace(/\.$/, "")}.`)));
}

// -- the claims
const publishedOf = (claim) => `${claim.published}${claim.read ? "" : " †"}`;
function drawClaims() {
  const wanted = $("verdicts").value;
  const find = $("find-claim").value.toLowerCase();
  const kept = data.claims.filter((claim) =>
    (wanted === "all" || (wanted === "judged" ? claim.verdict !== "blocked" : claim.verdict === wanted))
    && `${claim.id} ${claim.title} ${claim.statement}`.toLowerCase().includes(find));
  const heads = ["Claim", "Verdict", "Published", "Ours", "Statement"];
  const open = (claim, words) => make("button", { type: "button", "data-claim": claim.id, onclick: () => showClaim(claim) }, words);
  const words = (claim) => [`${claim.statement} (${claim.paper}, ${claim.where})`, claim.why].filter(Boolean)
    .map((each) => `${each.replace(/\.$/, "")}.`).join(" ");
  $("claims").replaceChildren(
    make("caption", { class: "hidden" }, "Claims of the papers"),
    make("thead", {}, make("tr", {}, heads.map((each, i) =>
      make("th", { scope: "col", class: i === 2 || i === 3 ? false : "left" }, each)))),
    make("tbody", {}, kept.map((claim) => make("tr", {},
      make("th", { scope: "row", class: "left" }, open(claim, claim.id)),
      make("td", { class: "left" }, verdict(claim)),
      make("td", {}, publishedOf(claim)),
      make("td", {}, claim.ours),
      make("td", { class: "left wrap" }, code(words(claim)))))));
}
