// The parts that both pages have: a run's episodes by row, success over time steps, time, errors, facts.

// Gives a run's data from the island its questions: which task and key a row has, and which error.
function runModel(run, tasks) {
  const { episodes, errors } = run;
  const message = ([type, text]) => (text ? `${type}: ${text}` : type);
  const last = new Map();
  for (const [task, init, repeat, seed, , , number] of errors.attempts) {
    last.set(keyOf(tasks[task], init, repeat, seed), message(errors.messages[number]));
  }
  run.rows = episodes.outcome.length;
  run.task = (row) => tasks[episodes.task[row]];
  run.key = (row) => keyOf(run.task(row), episodes.init[row], episodes.repeat[row], episodes.seed[row]);
  run.errorOf = (row) => (episodes.outcome[row] === "e" ? last.get(run.key(row)) : undefined);
  run.messageOf = (attempt) => message(errors.messages[attempt[6]]);
  return run;
}

const MOST_NOTES = 4;

// More notes than a reader takes in are folded.
function notesOf(notes) {
  const shown = notes.map((note) => h("p", { class: "note" }, note));
  return notes.length > MOST_NOTES ? h("details", null, h("summary", null, `${notes.length} notes`), shown) : shown;
}

const STEPS_TITLE = "Success over time steps";

const shares = (curve) => curve.shares || curve.points.map(([step, successes]) => [step, successes / curve.n]);

// The unweighted mean of suites' curves, as the headline is of their rates; a suite's curve stays as its limit left it.
function meanCurve(curves) {
  const series = curves.map((curve) => ({ points: shares(curve) }));
  const steps = [...new Set(curves.flatMap((curve) => curve.points.map(([step]) => step)))].sort((a, b) => a - b);
  const mean = (step) => series.reduce((sum, one) => sum + shareAt(one, step), 0) / series.length;
  return {
    ...curves[0],
    suite: null,
    n: Math.min(...curves.map(({ n }) => n)),
    shares: steps.map((step) => [step, mean(step)]),
    max_steps: Math.max(...curves.map((curve) => curve.max_steps)),
  };
}

const withMean = (curves) => (curves.length > 1 && curves.every(({ n }) => n > 0) ? [meanCurve(curves), ...curves] : curves);

// curves: [{name, n, points, max_steps, control_freq_hz}].
function curvesOf(curves) {
  const series = curves
    .filter(({ n }) => n > 0)
    .map((curve) => ({ name: curve.name, points: shares(curve), maxSteps: curve.max_steps, strong: curve.suite === null }));
  if (!series.length) return h("p", null, "No episode counts in a rate yet.");
  const last = Math.max(...series.map((one) => one.maxSteps));
  const steps = [...new Set([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((part) => Math.round(part * last)))];
  const frequencies = [...new Set(curves.map((curve) => curve.control_freq_hz))];
  const second = frequencies.length === 1 ? ` ${frequencies[0]} steps are a simulated second.` : "";
  const rows = series.map((one) => [
    { cell: one.name, head: true, class: "long" },
    ...steps.map((step) => (step <= one.maxSteps ? percent(shareAt(one, step)) : "")),
  ]);
  return [
    h(
      "p",
      { class: "quiet" },
      `The share of episodes that had succeeded by a time step: the rate that a lower limit of steps would have given.${second}`,
    ),
    lineLegend(series),
    shareChart(series, "Share of episodes that succeeded, over time steps; the numbers are in the table below"),
    h(
      "details",
      null,
      h("summary", null, "The same in numbers"),
      scrolled(
        STEPS_TITLE,
        table(
          "Share of episodes that had succeeded by a step.",
          [{ label: "" }, ...steps.map((step) => ({ label: `step ${count(step)}`, class: "n" }))],
          rows,
        ),
      ),
    ),
  ];
}

const TIME_PARTS = [
  ["policy", "policy_s"],
  ["physics", "physics_s"],
  ["pictures", "render_s"],
  ["other", "other_s"],
];

// rows: [{name, total, steps, wall_s, ...}].
function timingSection(rows, what) {
  const label = (row) => TIME_PARTS.map(([name, field]) => `${name} ${seconds(row[field])}`).join(", ");
  const bar = (row) =>
    stackedBar(
      TIME_PARTS.map(([, field], i) => ({ value: row[field], class: `t${i}` })),
      label(row),
    );
  const perStep = (row) => row.policy_ms || [null, null];
  const milliseconds = (ms) => (known(ms) ? ms.toFixed(ms < 10 ? 2 : 1) : "n/a");
  const cells = (row) => [
    { cell: row.name, head: true, class: "long" },
    bar(row),
    ...TIME_PARTS.map(([, field]) => seconds(row[field])),
    seconds(row.wall_s),
    count(row.steps),
    known(row.steps_per_s) ? row.steps_per_s.toFixed(1) : "n/a",
    ...perStep(row).map(milliseconds),
  ];
  return section(
    "time",
    "Time",
    h(
      "p",
      { class: "legend" },
      TIME_PARTS.map(([name], i) => [h("span", { class: `key k${i}`, "aria-hidden": "true" }), name]),
    ),
    scrolled(
      "Time",
      table(
        "Seconds of the attempts that count, over all workers. Pictures include videos; other is building scenes, waiting and writing.",
        [
          { label: what },
          { label: "shares" },
          ...TIME_PARTS.map(([name]) => ({ label: name, class: "n roomy" })),
          { label: "all", class: "n" },
          { label: "steps", class: "n roomy" },
          { label: "steps/s", class: "n" },
          { label: "policy ms/step", class: "n" },
          { label: "95th pct", class: "n" },
        ],
        rows.map((row) => ({ class: row.total ? "total" : null, cells: cells(row) })),
      ),
    ),
    h(
      "p",
      { class: "quiet" },
      "Policy ms/step: median and 95th percentile over episodes of the policy's time for a control step. A query that answers a chunk of actions takes longer.",
    ),
  );
}

const SHOWN_ERRORS = 200;

// runs: [{label, run}]; a run's name is shown where there are several.
function errorsSection(runs, tasks) {
  const all = runs.flatMap(({ label, run }) => run.errors.attempts.map((attempt) => ({ label, run, attempt })));
  const several = runs.length > 1;
  const row = ({ label, run, attempt }) => {
    const [task, init, repeat, seed, number, steps, , final, log] = attempt;
    return [
      several ? label : null,
      { cell: h("span", { class: "mono" }, keyOf(tasks[task], init, repeat, seed)), class: "long" },
      String(number),
      count(steps),
      { cell: run.messageOf(attempt), class: "long" },
      final === "e" ? outcomeMark("e") : [outcomeMark(final), " when tried again"],
      log ? h("a", { href: run.base + log.split("/").map(encodeURIComponent).join("/") }, "where from") : "",
    ].slice(several ? 0 : 1);
  };
  const columns = [
    ...(several ? [{ label: "run" }] : []),
    { label: "episode" },
    { label: "attempt", class: "n roomy" },
    { label: "step", class: "n roomy" },
    { label: "message" },
    { label: "in the end" },
    { label: "log" },
  ];
  const left = all.length - SHOWN_ERRORS;
  return section(
    "errors",
    "Errors",
    all.length
      ? scrolled(
          "Errors",
          table(`${count(all.length)} attempts ended in an error.`, columns, all.slice(0, SHOWN_ERRORS).map(row)),
        )
      : h("p", null, "No attempt ended in an error."),
    left > 0 &&
      h("p", { class: "quiet" }, `${count(left)} more are not shown here; the search among the episodes finds them.`),
  );
}

// columns: [{label, facts}], facts: [section, field, value]; fields that differ between columns are marked.
function factsSection(columns) {
  const sections = new Map();
  columns.forEach(({ facts }, i) =>
    facts.forEach(([title, field, value]) => {
      if (!sections.has(title)) sections.set(title, new Map());
      const fields = sections.get(title);
      if (!fields.has(field))
        fields.set(
          field,
          columns.map(() => "none"),
        );
      fields.get(field)[i] = value;
    }),
  );
  const several = columns.length > 1;
  const differs = (values) => several && new Set(values).size > 1;
  const row = ([field, values]) => ({
    class: differs(values) ? "differs" : null,
    cells: [
      { cell: field.replaceAll("_", " "), head: true, class: "long" },
      ...(differs(values) || !several ? values : values.slice(0, 1)).map((value, _, all) => ({
        cell: value,
        class: "lines-kept",
        span: all.length < values.length ? values.length : null,
      })),
    ],
  });
  const parts = [...sections].map(([title, fields]) => {
    const rows = [...fields].map(row);
    const marked = rows.filter((one) => one.class).length;
    return h(
      "details",
      { open: title === "Protocol" },
      h("summary", null, title, marked ? ` (${marked} of ${rows.length} differ)` : ""),
      scrolled(
        title,
        table("", [{ label: "field" }, ...columns.map(({ label }) => ({ label: several ? label : "value" }))], rows),
      ),
    );
  });
  return section("protocol", "Protocol and provenance", parts);
}
