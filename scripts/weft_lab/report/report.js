"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const options = { actions: { export: true, source: false, compiled: false, editor: false }, renderer: "svg" };
  const ticked = (name) =>
    Array.from(document.querySelectorAll(`input[name=${name}]:checked`), (box) => box.value);
  const views = {};

  function state() {
    const [least, most] = WEFT.choices.by_shape[byId("f-shape").value].limits;
    return {
      shape: byId("f-shape").value,
      least,
      most,
      workers: Number(byId("f-workers").value),
      channels: ticked("channels"),
      schedulers: ticked("schedulers"),
    };
  }

  // A workload may not have been asked at every number of workers.
  function offerWorkers() {
    const asked = WEFT.choices.by_shape[byId("f-shape").value].workers;
    const select = byId("f-workers");
    for (const option of select.options) option.disabled = !asked.includes(Number(option.value));
    if (!asked.includes(Number(select.value)) && asked.length) select.value = String(asked[0]);
  }

  function apply() {
    offerWorkers();
    const now = state();
    byId("ranking-title").textContent =
      `${now.shape}, ${now.workers} ${now.workers === 1 ? "worker" : "workers"}`;
    for (const [name, view] of Object.entries(views)) {
      if (name === "overview" || name === "versus") continue;
      for (const [key, value] of Object.entries(now)) {
        if (name === "scaling" && key === "workers") continue;
        view.signal(key, value);
      }
      view.runAsync();
    }
  }

  for (const details of document.querySelectorAll("details.figures")) details.open = false;
  byId("filters").addEventListener("change", apply);
  const charts = Object.keys(WEFT.specs).map((name) =>
    vegaEmbed(`#chart-${name}`, { ...WEFT.specs[name], datasets: WEFT.datasets }, options).then((result) => {
      views[name] = result.view;
      if (name !== "overview") return;
      result.view.addEventListener("click", (event, item) => {
        if (!item || !item.datum || !item.datum.shape) return;
        byId("f-shape").value = item.datum.shape;
        byId("f-workers").value = String(item.datum.workers);
        apply();
        byId("explore").scrollIntoView();
      });
    }),
  );
  Promise.all(charts).then(apply, (error) => {
    const note = document.createElement("p");
    note.className = "note bad";
    note.textContent = `The charts could not be drawn (${error.message}); the tables below hold all figures.`;
    byId("answer").before(note);
  });
})();
