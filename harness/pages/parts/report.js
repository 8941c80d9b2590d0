// The page of one run.

const data = JSON.parse(document.getElementById("data").textContent);
const run = runModel(data.run, data.tasks);
const { mean, suites, tasks: taskRates } = data.rates;

function headline() {
  const single = suites.length === 1 ? suites[0] : null;
  const named = single ? "Success rate" : `Success rate, mean of ${suites.length} suites`;
  const card = (name, number, style) =>
    h(
      "div",
      { class: "card" },
      h("div", { class: "name" }, name),
      h("div", { class: `number ${style || ""}` }, count(number)),
    );
  return h(
    "div",
    { class: "headline" },
    h(
      "div",
      { class: "card main" },
      h("div", { class: "name" }, named),
      h("div", { class: "number" }, percent(mean.success_rate)),
      known(mean.ci_low) && h("div", null, `95 % interval ${interval(mean.ci_low, mean.ci_high)}`),
      intervalBar(mean.success_rate, mean.ci_low, mean.ci_high, 320),
    ),
    card("Episodes", mean.episodes),
    card("✓ Successes", mean.successes, "success"),
    card("✗ Failures", mean.failures, "failure"),
    card("! Errors", mean.errors, "error"),
  );
}

function head() {
  const facts = data.header
    .filter(([name]) => ["suite", "protocol", "assets", "created"].includes(name))
    .map(([name, value]) => `${name} ${value}`);
  return [
    h("h1", null, run.policy),
    h("p", { class: "subtitle" }, `Run ${run.name}: ${facts.join("; ")}`),
    mean ? headline() : h("p", null, "No episode has ended yet."),
    notesOf(data.notes),
  ];
}

const CELL = 10;
const CELLS_A_LINE = 25;

// A task's episodes in the order of initial states and repeats: full squares, hollow ones, crosses. A click shows one.
function strip(rows, name) {
  const paths = { s: "", f: "", e: "" };
  rows.forEach((row, i) => {
    const [x, y] = [(i % CELLS_A_LINE) * CELL, Math.floor(i / CELLS_A_LINE) * CELL];
    const letter = run.episodes.outcome[row];
    paths[letter] +=
      letter === "e"
        ? `M${x + 1.5} ${y + 1.5}l6 6m0 -6l-6 6`
        : letter === "s"
          ? `M${x} ${y}h8v8h-8z`
          : `M${x + 1} ${y + 1}h6v6h-6z`;
  });
  const [width, height] = [Math.min(rows.length, CELLS_A_LINE) * CELL, Math.ceil(rows.length / CELLS_A_LINE) * CELL];
  const pick = (event) => {
    const place = event.currentTarget.getBoundingClientRect();
    const [column, line] = [event.clientX - place.left, event.clientY - place.top].map((offset) =>
      Math.floor(offset / CELL),
    );
    const row = rows[line * CELLS_A_LINE + column];
    if (row !== undefined) showEpisode(run, row);
  };
  return svg(
    "svg",
    {
      class: "strip",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": `Episodes of ${name}`,
      onclick: pick,
    },
    svg("path", { class: "ok", d: paths.s }),
    svg("path", { class: "failed", d: paths.f }),
    svg("path", { class: "broken", d: paths.e }),
  );
}

function rowsByTask() {
  const rows = data.tasks.map(() => []);
  run.episodes.task.forEach((task, row) => rows[task].push(row));
  return rows;
}

const RATE_COLUMNS = [
  { label: "rate", class: "rate" },
  { label: "", class: "roomy" },
  { label: "95 % interval", class: "whole" },
  { label: "episodes", class: "n roomy" },
  { label: "✓", class: "n roomy" },
  { label: "✗", class: "n roomy" },
  { label: "!", class: "n roomy" },
  { label: "mean steps", class: "n roomy" },
];

function rateCells(row) {
  return [
    { cell: percent(row.success_rate), heat: row.success_rate },
    intervalBar(row.success_rate, row.ci_low, row.ci_high),
    known(row.ci_low) ? interval(row.ci_low, row.ci_high) : "n/a",
    ...[row.episodes, row.successes, row.failures, row.errors].map(count),
    known(row.mean_steps) ? row.mean_steps.toFixed(1) : "n/a",
  ];
}

function ratesSection(browser) {
  const byTask = rowsByTask();
  const number = new Map(data.tasks.map((task, i) => [`${task.suite}/${task.id}`, i]));
  const columns = [{ label: "" }, ...RATE_COLUMNS, { label: "each episode", class: "roomy" }];
  const task = (row, only) => {
    const i = number.get(`${row.suite}/${row.task_id}`);
    const name = h(
      "button",
      { type: "button", title: "Show its episodes", onclick: () => browser.show("Task", String(i)) },
      taskText(data.tasks[i]),
    );
    return {
      cells: [
        { cell: [only && h("span", { class: "sub" }, row.suite), name], head: true, class: "long" },
        ...rateCells(row),
        strip(byTask[i], row.task),
      ],
    };
  };
  const total = (row, name) => ({
    class: "total",
    cells: [{ cell: name, head: true, class: "long" }, ...rateCells(row), ""],
  });
  const ofSuite = (suite) => {
    const rows = taskRates.filter((row) => row.suite === suite.suite);
    return rows.length === 1 ? [task(rows[0], true)] : [...rows.map((row) => task(row, false)), total(suite, suite.suite)];
  };
  const rows = suites.flatMap(ofSuite);
  if (suites.length > 1) rows.push(total(mean, "mean of suites"));
  return section(
    "rates",
    "Success rates",
    heatLegend(h("span", { class: "squares roomy" }, "Each episode: ■ success, □ failure, × error")),
    scrolled(
      "Success rates",
      table(
        "Intervals: Wilson for tasks and suites, MOVER for the mean of suites. Errors are in no rate unless the run asked for it.",
        columns,
        rows,
      ),
    ),
  );
}

function episodesSection() {
  const { outcome, steps, wall_s: wall, init, repeat, task } = run.episodes;
  const words = Array.from({ length: run.rows }, (_, row) =>
    [run.key(row), plainName(run.task(row).name), run.task(row).instruction, OUTCOMES[outcome[row]].word, run.errorOf(row)]
      .join(" ")
      .toLowerCase(),
  );
  const open = (row) => h("button", { type: "button", onclick: () => showEpisode(run, row) }, run.key(row));
  const paged = pagedTable("Episodes; a click shows one with its video", [
    { label: "episode", cell: open, value: (row) => task[row] * 1e9 + init[row] * 1e4 + repeat[row], class: "long" },
    { label: "instruction", cell: (row) => run.task(row).instruction, class: "roomy long" },
    { label: "outcome", cell: (row) => outcomeMark(outcome[row]), value: (row) => outcome[row] },
    { label: "steps", cell: (row) => count(steps[row]), value: (row) => steps[row], class: "n" },
    { label: "time", cell: (row) => seconds(wall[row]), value: (row) => wall[row], class: "n roomy" },
    { label: "video", cell: (row) => (run.episodes.video[row] === 0 ? "" : "▶"), class: "roomy" },
  ]);
  const form = filterForm(
    run.rows,
    (row) => words[row],
    [
      ...taskChoices(data.tasks, run.task),
      { label: "Outcome", options: outcomeOptions, fits: (value, row) => outcome[row] === value },
      {
        label: "Video",
        options: [
          ["1", "with"],
          ["0", "without"],
        ],
        fits: (value, row) => (run.episodes.video[row] !== 0) === (value === "1"),
      },
    ],
    paged.show,
  );
  form.apply();
  const element = section("episodes", "Episodes", form.element, paged.element);
  const show = (label, value) => {
    form.clear();
    form.choose(label, value);
    element.scrollIntoView();
    element.querySelector("input").focus({ preventScroll: true });
  };
  return { element, show };
}

function show() {
  if (!mean) return showPage(head(), [factsSection([{ label: "value", facts: run.facts }])], data.version);
  const browser = episodesSection();
  const named = (row) => ({ ...row, name: row.suite || "all suites", total: row.suite === null });
  return showPage(
    head(),
    [
      ratesSection(browser),
      section(
        "steps",
        STEPS_TITLE,
        curvesOf(withMean(run.curves).map((curve) => ({ ...curve, name: curve.suite || "mean of suites" }))),
      ),
      browser.element,
      errorsSection([{ label: run.name, run }], data.tasks),
      timingSection(run.timing.map(named), "suite"),
      factsSection([{ label: "value", facts: run.facts }]),
    ],
    data.version,
  );
}

show();
