// The page of several runs.

const data = JSON.parse(document.getElementById("data").textContent);
const runs = data.runs.map(({ label, data: run }) => ({ label, run: runModel(run, data.tasks) }));

function head() {
  const names = data.runs.map(({ label }) => label);
  const title = names.length <= 3 ? names.join(" and ") : `${names.length} runs`;
  return [
    h("h1", null, title),
    h("p", { class: "subtitle" }, `${data.suites.join(", ")}; baseline ${data.baseline}`),
    data.forced &&
      h(
        "p",
        { class: "note blocking" },
        h("strong", null, data.notes[0]),
        " ",
        h("a", { href: "#comparability" }, "What differs"),
      ),
    pairCards(data.pairs),
    notesOf(data.notes.slice(data.forced ? 1 : 0)),
  ];
}

function curvesSection() {
  const ofSuite = (suite) =>
    runs.flatMap(({ label, run }) =>
      run.curves.filter((curve) => curve.suite === suite).map((curve) => ({ ...curve, name: label })),
    );
  const ofMean = () =>
    runs.flatMap(({ label, run }) =>
      run.curves.length === data.suites.length && run.curves.every(({ n }) => n > 0)
        ? [{ ...meanCurve(run.curves), suite: "", name: label }]
        : [],
    );
  const place = h("div");
  const show = (suite) => place.replaceChildren(...[curvesOf(suite === "" ? ofMean() : ofSuite(suite))].flat(Infinity));
  const several = data.suites.length > 1;
  const options = [...(several ? [["", "mean of suites"]] : []), ...data.suites.map((suite) => [suite, suite])];
  show(options[0][0]);
  return section(
    "steps",
    STEPS_TITLE,
    several &&
      h(
        "label",
        { class: "inline" },
        "Suite ",
        h(
          "select",
          { onchange: (event) => show(event.target.value) },
          options.map(([value, text]) => h("option", { value }, text)),
        ),
      ),
    place,
  );
}

// The rows of all runs by key, in the order in which keys are met: [{key, task, rows: a row or undefined for each run}].
function episodesByKey() {
  const found = new Map();
  runs.forEach(({ run }, i) => {
    for (let row = 0; row < run.rows; row += 1) {
      const key = run.key(row);
      if (!found.has(key)) found.set(key, { key, task: run.task(row), rows: [] });
      found.get(key).rows[i] = row;
    }
  });
  return [...found.values()];
}

function episodesSection() {
  const episodes = episodesByKey();
  const outcome = (i, j) => (episodes[i].rows[j] === undefined ? "" : runs[j].run.episodes.outcome[episodes[i].rows[j]]);
  const outcomes = episodes.map((_, i) => runs.map((__, j) => outcome(i, j)).join(""));
  const words = episodes.map(({ key, task, rows }) =>
    [
      key,
      plainName(task.name),
      task.instruction,
      ...runs.map(({ run }, j) => (rows[j] === undefined ? "" : run.errorOf(rows[j]) || "")),
    ]
      .join(" ")
      .toLowerCase(),
  );
  const open = (i) => showSides(runs.map((one, j) => ({ ...one, row: episodes[i].rows[j] })));
  const cell = (i, j) => {
    const letter = outcome(i, j);
    return (
      letter &&
      h(
        "span",
        { class: `outcome ${OUTCOMES[letter].word}`, title: OUTCOMES[letter].word },
        OUTCOMES[letter].mark,
        h("span", { class: "roomy" }, ` ${count(runs[j].run.episodes.steps[episodes[i].rows[j]])}`),
      )
    );
  };
  const paged = pagedTable(
    "Outcomes (✓ success, ✗ failure, ! error) and steps; a click shows an episode's videos side by side",
    [
      {
        label: "episode",
        cell: (i) => h("button", { type: "button", onclick: () => open(i) }, episodes[i].key),
        value: (i) => i,
        class: "long",
      },
      ...runs.map(({ label }, j) => ({ label, cell: (i) => cell(i, j), value: (i) => outcome(i, j) })),
    ],
  );
  const fits = {
    differ: (of) => new Set(of).size > 1,
    same: (of) => new Set(of).size === 1,
    all: (of) => /^s+$/.test(of),
    none: (of) => !of.includes("s"),
    error: (of) => of.includes("e"),
  };
  const form = filterForm(
    episodes.length,
    (i) => words[i],
    [
      ...taskChoices(data.tasks, (i) => episodes[i].task),
      {
        label: "Outcomes",
        options: [
          ["differ", "differ"],
          ["same", "are the same"],
          ["all", "all succeed"],
          ["none", "none succeeds"],
          ["error", "with an error"],
        ],
        fits: (value, i) => fits[value](outcomes[i]),
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
  const browser = episodesSection();
  const overall = ({ label, run }) => ({ ...run.timing.at(-1), name: label });
  return showPage(
    head(),
    [
      ratesSection(),
      heatMapSection(browser),
      flipsSection(data.flips, runs, data.tasks),
      pairsSection(data.pairs, data.baseline),
      curvesSection(),
      comparabilitySection(),
      browser.element,
      errorsSection(runs, data.tasks),
      timingSection(runs.filter(({ run }) => run.timing.length).map(overall), "run"),
      factsSection(runs.map(({ label, run }) => ({ label, facts: run.facts }))),
    ],
    data.version,
  );
}

show();
