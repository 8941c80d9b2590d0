// Episodes that only one of two runs solves, and all videos of an episode side by side.

// An episode's videos, one beside the other. shown: [{label, run, row}]; row is undefined where a run lacks the episode.
function sideBySide(shown) {
  const sides = shown.map(({ label, run, row }) => {
    const known = row !== undefined;
    const caption = h(
      "figcaption",
      null,
      h("strong", null, label),
      " ",
      known && outcomeMark(run.episodes.outcome[row]),
      known && ` after ${count(run.episodes.steps[row])} steps`,
      known && run.errorOf(row) && h("div", { class: "quiet" }, run.errorOf(row)),
    );
    return h(
      "figure",
      null,
      caption,
      known
        ? player(videoSource(run, row), `${label}: ${run.key(row)}`)
        : h("p", { class: "no-video" }, "The run has no such episode."),
    );
  });
  const several = sides.filter((side) => side.querySelector("video")).length > 1;
  return [
    h("div", { class: "sides" }, sides),
    h("div", { class: "tools" }, several && togetherButton(sides), speedChoice(sides)),
  ];
}

function showSides(shown) {
  const { run, row } = shown.find((one) => one.row !== undefined);
  showDialogue(run.key(row), h("p", { class: "instruction" }, `“${run.task(row).instruction}”`), sideBySide(shown));
}

// What a page knows of a flip; flips: [a, b, whether b succeeds, row of a, row of b].
function flipModel(flips, runs) {
  return {
    count: flips.length,
    others: [...new Set(flips.map(([, b]) => b))],
    task: (i) => runs[flips[i][0]].run.task(flips[i][3]),
    key: (i) => runs[flips[i][0]].run.key(flips[i][3]),
    other: (i) => flips[i][1],
    otherWins: (i) => flips[i][2],
    winner: (i) => runs[flips[i][flips[i][2] ? 1 : 0]].label,
    loser: (i) => runs[flips[i][flips[i][2] ? 0 : 1]].label,
    shown: (i) => [0, 1].map((side) => ({ ...runs[flips[i][side]], row: flips[i][side + 3] })),
    steps: (i, side) => runs[flips[i][side]].run.episodes.steps[flips[i][side + 3]],
  };
}

// Shows one flip at a time, with buttons to the next and the one before.
function flipViewer(model) {
  const element = h("div", { class: "viewer" });
  const state = { rows: [], at: 0 };

  function button(by) {
    const there = state.at + by >= 0 && state.at + by < state.rows.length;
    return h("button", { type: "button", disabled: !there, onclick: () => move(by) }, by < 0 ? "Previous" : "Next");
  }

  function move(by) {
    state.at += by;
    draw();
    // The buttons are new: the focus goes on where it was, or to the other one where there is no further way.
    const [earlier, later] = element.querySelectorAll(".tools button");
    const [same, back] = by < 0 ? [earlier, later] : [later, earlier];
    (same.disabled ? back : same).focus();
  }

  function draw() {
    if (!state.rows.length) {
      element.replaceChildren(h("p", null, "No such episode."));
      return;
    }
    const i = state.rows[state.at];
    const where = h("span", null, `${state.at + 1} of ${state.rows.length}`);
    element.replaceChildren(
      h("div", { class: "tools" }, button(-1), where, button(1), h("strong", { class: "mono" }, model.key(i))),
      h("p", { class: "instruction" }, `“${model.task(i).instruction}”`),
      ...sideBySide(model.shown(i)),
    );
  }

  function show(rows) {
    Object.assign(state, { rows, at: 0 });
    draw();
  }

  return { element, show };
}

function flipsTable(model) {
  const open = (i) => h("button", { type: "button", onclick: () => showSides(model.shown(i)) }, model.key(i));
  const steps = (side) => ({
    cell: (i) => count(model.steps(i, side)),
    value: (i) => model.steps(i, side),
    class: "n roomy",
  });
  return pagedTable("All of them; a click shows both videos", [
    { label: "episode", cell: open, class: "long" },
    { label: "✓ succeeds", cell: model.winner, value: model.winner, class: "long" },
    { label: "✗ fails", cell: model.loser, value: model.loser, class: "long" },
    { label: "steps, baseline", ...steps(0) },
    { label: "steps, other", ...steps(1) },
  ]);
}

function flipsSection(flips, runs, tasks) {
  if (runs.length < 2) return null;
  const about = h("p", { class: "quiet" }, "Shared episodes that exactly one of two runs solves.");
  if (!flips.length) return section("flips", "Flips", about, h("p", null, "There are none."));
  const model = flipModel(flips, runs);
  const viewer = flipViewer(model);
  const paged = flipsTable(model);
  const words = (i) => `${model.key(i)} ${plainName(model.task(i).name)} ${model.task(i).instruction}`.toLowerCase();
  const against = {
    label: "Against baseline",
    options: model.others.map((b) => [b, runs[b].label]),
    fits: (value, i) => model.other(i) === Number(value),
  };
  const succeeds = {
    label: "Succeeds",
    options: [
      ["1", "the other run"],
      ["0", "the baseline"],
    ],
    fits: (value, i) => model.otherWins(i) === (value === "1"),
  };
  const [, task] = taskChoices(tasks, model.task);
  const choices = [...(model.others.length > 1 ? [against] : []), succeeds, task];
  const form = filterForm(model.count, words, choices, (rows) => {
    viewer.show(rows);
    paged.show(rows);
  });
  form.apply();
  return section("flips", "Flips", about, form.element, viewer.element, paged.element);
}
