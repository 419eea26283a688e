// -- the rest of the page
function drawOnce() {
  const { manifest } = data;
  $("about").textContent = data.about;
  $("origin").textContent = JSON.stringify(manifest, null, 1);
  if (data.since) {
    $("news-part").hidden = false;
    $("news-title").textContent = `Changes since ${data.since}`;
    $("news").replaceChildren(...(data.news.length ? data.news : ["none"]).map((each) => make("li", {}, each)));
  }
  if (data.claims.length) {
    $("claims-part").hidden = false;
    const counts = new Map();
    for (const claim of data.claims) counts.set(claim.verdict, (counts.get(claim.verdict) || 0) + 1);
    $("claims-count").textContent = `${[...counts].map(([name, count]) => `${count} ${name}`).join(", ")}. † the text behind the number was not read.`;
    const kinds = ["judged", ...counts.keys(), "all"];
    $("verdicts").replaceChildren(...kinds.map((each) => make("option", { value: each }, each === "judged" ? "all but blocked" : each)));
    $("verdicts").addEventListener("change", drawClaims);
    $("find-claim").addEventListener("input", drawClaims);
    drawClaims();
  }
  for (const id of ["compare-a", "compare-b"])
    $(id).addEventListener("change", () => { state[id] = $(id).value; drawCompare(); });
  drawHistory();
  $("detail").addEventListener("close", () => {
    Object.assign(state, { row: "", claim: "", ranking: "" });
    remember();
  });
  $("detail").addEventListener("click", (event) => { if (event.target === $("detail")) $("detail").close(); });
}
function refresh() {
  const shown = shownTasks();
  drawFilters();
  $("name-target").textContent = shown.length === 1 ? shown[0].target.replaceAll("_", " ") : "result";
  document.querySelector(`input[value="${state.measure}"]`).checked = true;
  drawAnswer(shown);
  drawTable();
  drawChart(shown);
  drawCompare();
  remember();
}
function start() {
  const row = recall();
  refresh();
  const claim = data.claims.find((each) => each.id === state.claim);
  if (row) show(row);
  else if (claim) showClaim(claim);
  else if (data.rankings[state.ranking]) showRanking(state.ranking);
}
setUp();
drawOnce();
window.addEventListener("hashchange", start);
start();
