// Differences between two runs: cards for the head of the page, tables with tests.

const TESTS = {
  mcnemar: "McNemar, exact",
  sign_flip: "sign flips within suites",
  boschloo: "Boschloo",
  score: "score test",
  fisher: "Fisher",
  none: "",
};
const VERDICTS = {
  better: "better",
  worse: "worse",
  undecided: "undecided: no difference shown",
  no_episodes: "no shared episodes",
};

const overallPairs = (pairs) => pairs.filter((pair) => pair.suite === "mean");

// More runs are easier to read as the table of differences.
const MOST_CARDS = 6;

// A card for each run that is held against the baseline.
function pairCards(pairs) {
  const shown = overallPairs(pairs);
  if (shown.length > MOST_CARDS) return null;
  return h(
    "div",
    { class: shown.length > 3 ? "headline many" : "headline" },
    shown.map((pair) => {
      const flipped = pair.counts
        ? `${count(pair.counts.only_b)} episodes only ${pair.b} solves, ${count(pair.counts.only_a)} only ${pair.a}`
        : `${count(pair.n_a)} and ${count(pair.n_b)} episodes, none shared`;
      return h(
        "div",
        { class: "card main" },
        h("div", { class: "name" }, `${pair.b} against ${pair.a}`),
        h("div", { class: "number" }, known(pair.difference) ? `${points(pair.difference)} points` : "n/a"),
        known(pair.interval[0]) &&
          h("div", null, `95 % interval ${points(pair.interval[0])} to ${points(pair.interval[1])}`),
        h("p", { class: "verdict" }, `${VERDICTS[pair.verdict]}, ${pText(pair.p_adjusted)}`),
        h("div", { class: "quiet" }, flipped),
      );
    }),
  );
}

// name(pair) is what a row is called.
function pairsTable(title, pairs, name) {
  const reach = Math.max(0.1, ...pairs.flatMap((pair) => pair.interval.filter(known).map(Math.abs)));
  const measured = (pair) => known(pair.difference) && known(pair.interval[0]);
  const row = (pair) => ({
    class: pair.suite === "mean" && name(pair) !== pair.b ? "total" : null,
    cells: [
      { cell: name(pair), head: true, class: "long" },
      known(pair.difference) ? points(pair.difference) : "n/a",
      measured(pair) ? differenceBar(pair.difference, ...pair.interval, reach) : "",
      measured(pair) ? `${points(pair.interval[0])} to ${points(pair.interval[1])}` : "n/a",
      pair.verdict === "undecided" ? "undecided" : VERDICTS[pair.verdict],
      [pValue(pair.p_adjusted), h("span", { class: "sub" }, `${pValue(pair.p_value)}, ${TESTS[pair.test]}`)],
      ...["only_b", "only_a"].map((field) => (pair.counts ? count(pair.counts[field]) : "")),
      pair.method === "paired" ? count(pair.n_a) : `${count(pair.n_a)}, ${count(pair.n_b)}`,
      known(pair.detectable) ? points(pair.detectable).slice(1) : "n/a",
    ],
  });
  return scrolled(
    title,
    table(
      title,
      [
        { label: "" },
        { label: "difference", class: "n" },
        { label: "", class: "roomy" },
        { label: "95 % interval", class: "whole" },
        { label: "verdict" },
        { label: "p", class: "n test" },
        { label: "only it ✓", class: "n roomy" },
        { label: "only baseline ✓", class: "n roomy" },
        { label: "episodes", class: "n roomy" },
        { label: "detectable", class: "n roomy" },
      ],
      pairs.map(row),
    ),
  );
}

function pairsSection(pairs, baseline) {
  if (!pairs.length) return null;
  const others = overallPairs(pairs).map((pair) => pair.b);
  const suite = (pair) => (pair.suite === "mean" ? "mean of suites" : pair.suite);
  const bySuite = others.map((b) =>
    pairsTable(
      `${b} against ${baseline}`,
      pairs.filter((pair) => pair.b === b),
      suite,
    ),
  );
  const overall =
    others.length > 1 && pairsTable(`Against ${baseline}, over all suites`, overallPairs(pairs), (pair) => pair.b);
  return section(
    "differences",
    "Differences",
    h(
      "p",
      { class: "quiet" },
      "Points of success rate, positive where a run is better than the baseline. p: after Holm's adjustment; below it the one before, and the test. ",
      "Detectable: the smallest difference that these episodes show with a chance of 80 %.",
    ),
    overall,
    overall ? h("details", null, h("summary", null, "By suite"), bySuite) : bySuite,
  );
}
