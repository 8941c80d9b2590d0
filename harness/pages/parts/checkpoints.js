// Checkpoints side by side: rates of suites, the heat map of tasks, what differs between the runs.

function rateCell(rate) {
  if (!known(rate) || !known(rate.rate)) return "n/a";
  const errors = rate.errors ? `, ${rate.errors} !` : "";
  return {
    cell: [
      percent(rate.rate),
      h("span", { class: "sub" }, interval(...rate.interval)),
      h("span", { class: "sub" }, `${count(rate.successes)} of ${count(rate.n)}${errors}`),
    ],
    class: "n",
  };
}

function ratesSection() {
  const several = data.suites.length > 1;
  const columns = [
    { label: "" },
    ...(several ? [{ label: "mean of suites", class: "n" }] : []),
    { label: "", class: "roomy" },
    ...data.suites.map((suite) => ({ label: suite, class: "n" })),
  ];
  const row = ({ label, data: run, suites, mean }) => {
    const overall = several ? mean : suites[data.suites[0]];
    const bar = known(overall) && known(overall.rate) ? intervalBar(overall.rate, ...overall.interval) : "";
    const name = [
      h("strong", null, label),
      label === data.baseline && h("span", { class: "sub" }, "baseline"),
      h("span", { class: "sub" }, run.name),
    ];
    return [
      { cell: name, head: true, class: "long" },
      ...(several ? [rateCell(mean)] : []),
      bar,
      ...data.suites.map((suite) => rateCell(suites[suite])),
    ];
  };
  const published =
    data.reference.length > 0 &&
    h(
      "div",
      null,
      h("h3", null, "Published, not measured here"),
      scrolled(
        "Published rates",
        table(
          "As their sources state them; part of no test.",
          [
            { label: "checkpoint" },
            { label: "suite" },
            { label: "rate", class: "n" },
            { label: "n", class: "n" },
            { label: "seeds", class: "n roomy" },
            { label: "protocol", class: "roomy" },
            { label: "source" },
          ],
          data.reference.map((one) => ({
            class: "published",
            cells: [
              one.checkpoint,
              one.suite,
              percent(one.rate) + (known(one.standard_error) ? ` ± ${(100 * one.standard_error).toFixed(1)}` : ""),
              known(one.n) ? count(one.n) : "",
              known(one.seeds) ? count(one.seeds) : "",
              one.protocol,
              { cell: one.source, class: "long" },
            ],
          })),
        ),
      ),
    );
  return section(
    "rates",
    "Success rates",
    scrolled(
      "Success rates",
      table("Intervals: 95 %, Wilson for suites, MOVER for their mean.", columns, data.runs.map(row)),
    ),
    published,
  );
}

function heatMapSection(browser) {
  const cell = (rate, task) => {
    if (!known(rate) || !known(rate.rate)) return "n/a";
    const text = (100 * rate.rate).toFixed(0);
    const title = `${rate.successes} of ${rate.n}, interval ${interval(...rate.interval)}`;
    return {
      cell: known(task)
        ? h("button", { type: "button", title, onclick: () => browser.show("Task", String(task)) }, text)
        : text,
      heat: rate.rate,
    };
  };
  const ofTask = (task, i) => [
    { cell: taskText(task), head: true, class: "long" },
    ...data.runs.map((run) => cell(run.tasks[i], i)),
  ];
  const ofSuite = (suite) => {
    const tasks = data.tasks.map((task, i) => [task, i]).filter(([task]) => task.suite === suite);
    const total = {
      class: "total",
      cells: [{ cell: suite, head: true, class: "long" }, ...data.runs.map((run) => cell(run.suites[suite]))],
    };
    return tasks.length > 1
      ? [total, ...tasks.map(([task, i]) => ofTask(task, i))]
      : tasks.map(([task, i]) => {
          const row = ofTask(task, i);
          row[0].cell = [h("span", { class: "sub" }, suite), row[0].cell];
          return row;
        });
  };
  const rows = data.suites.flatMap(ofSuite);
  if (data.suites.length > 1)
    rows.push({
      class: "total",
      cells: [{ cell: "mean of suites", head: true }, ...data.runs.map((run) => cell(run.mean))],
    });
  const whole = table(
    "Success rate in percent; a click shows the task's episodes.",
    [{ label: "task" }, ...data.runs.map(({ label }) => ({ label }))],
    rows,
  );
  whole.classList.add("map");
  return section("tasks", "Tasks and checkpoints", heatLegend(), scrolled("Tasks and checkpoints", whole));
}

function comparabilitySection() {
  const row = (one) => ({
    class: one.severity === "blocking" ? "differs" : null,
    cells: [
      { cell: one.field, head: true, class: "long" },
      one.severity === "blocking" ? "not comparable" : "note",
      {
        cell: Object.entries(one.values)
          .map(([label, value]) => `${label}: ${value}`)
          .join("\n"),
        class: "lines-kept",
      },
    ],
  });
  return section(
    "comparability",
    "Comparability",
    data.differences.length
      ? scrolled(
          "Comparability",
          table(
            "What differs between the runs.",
            [{ label: "field" }, { label: "" }, { label: "values" }],
            data.differences.map(row),
          ),
        )
      : h(
          "p",
          null,
          "The runs agree in everything that is known to move success rates: protocol, tasks, initial states, assets, versions of the simulator, renderer.",
        ),
  );
}
