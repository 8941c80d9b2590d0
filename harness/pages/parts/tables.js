// A table of many rows: found by words and choices, sorted by its columns, shown a page at a time.

const PAGE_ROWS = 50;

// columns: [{label, cell(row), value(row), class}]; value makes a column sortable. Rows are numbers.
function pagedTable(caption, columns) {
  const state = { rows: [], page: 0, sort: null, down: false };
  const body = h("tbody");
  const where = h("span", { class: "where" });
  const earlier = h("button", { type: "button", onclick: () => turn(-1) }, "Previous");
  const later = h("button", { type: "button", onclick: () => turn(1) }, "Next");
  const heads = columns.map((column, i) =>
    h(
      "th",
      { scope: "col", class: column.class },
      column.value ? h("button", { type: "button", onclick: () => sortBy(i) }, column.label) : column.label,
    ),
  );

  function sortBy(i) {
    state.down = state.sort === i && !state.down;
    state.sort = i;
    heads.forEach((head, j) => {
      if (j === i) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    show(state.rows);
  }

  function sorted(rows) {
    if (state.sort === null) return rows;
    const { value } = columns[state.sort];
    const sign = state.down ? -1 : 1;
    return [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return x < y ? -sign : x > y ? sign : a - b;
    });
  }

  function turn(by) {
    state.page += by;
    draw();
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(state.rows.length / PAGE_ROWS));
    const first = state.page * PAGE_ROWS;
    body.replaceChildren(
      ...state.rows.slice(first, first + PAGE_ROWS).map((row) =>
        h(
          "tr",
          null,
          columns.map((column) => h("td", { class: column.class }, column.cell(row))),
        ),
      ),
    );
    where.textContent = `Page ${state.page + 1} of ${pages}`;
    earlier.disabled = state.page === 0;
    later.disabled = state.page + 1 >= pages;
  }

  function show(rows) {
    state.rows = sorted(rows);
    state.page = 0;
    draw();
  }

  const whole = h("table", null, h("caption", null, h("span", null, caption)), h("thead", null, h("tr", null, heads)), body);
  const pager = h("div", { class: "pager" }, earlier, where, later);
  return { element: h("div", null, scrolled(caption, whole), pager), show };
}

function labelled(label, control, style) {
  labelled.made = (labelled.made || 0) + 1;
  control.id = `control-${labelled.made}`;
  return h("div", { class: style }, h("label", { for: control.id }, label), control);
}

// choices: [{label, options: [[value, text]], fits(value, row)}]; words(row) is what the search looks in, in lower case.
function filterForm(total, words, choices, changed) {
  const found = h("output", { "aria-live": "polite" });
  const search = h("input", {
    type: "search",
    name: "search",
    placeholder: "task, instruction, error, init7 …",
    oninput: apply,
    autocomplete: "off",
  });
  const selects = choices.map(({ label, options }) =>
    h(
      "select",
      { name: label, onchange: apply },
      h("option", { value: "" }, "all"),
      options.map(([value, text]) => h("option", { value }, text)),
    ),
  );

  function apply() {
    const asked = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [];
    for (let row = 0; row < total; row += 1) {
      const fits = choices.every(({ fits: one }, i) => selects[i].value === "" || one(selects[i].value, row));
      if (fits && asked.every((word) => words(row).includes(word))) rows.push(row);
    }
    found.textContent = `${count(rows.length)} of ${count(total)}`;
    changed(rows);
  }

  function choose(label, value) {
    selects[choices.findIndex((choice) => choice.label === label)].value = value;
    apply();
  }

  function clear() {
    search.value = "";
    selects.forEach((select) => {
      select.value = "";
    });
    apply();
  }

  const element = h(
    "form",
    { role: "search", class: "filters", onsubmit: (event) => event.preventDefault() },
    labelled("Search", search, "wide"),
    choices.map(({ label }, i) => labelled(label, selects[i])),
    h("button", { type: "button", onclick: clear }, "Show all"),
    found,
  );
  return { element, apply, choose, clear };
}

const outcomeOptions = Object.entries(OUTCOMES).map(([letter, { word }]) => [letter, word]);

// Suites and tasks as choices; task(row) is a row's task.
function taskChoices(tasks, task) {
  const suites = [...new Set(tasks.map((one) => one.suite))];
  return [
    { label: "Suite", options: suites.map((name) => [name, name]), fits: (value, row) => task(row).suite === value },
    {
      label: "Task",
      options: tasks.map((one, i) => [i, suites.length > 1 ? `${one.suite}, ${taskText(one)}` : taskText(one)]),
      fits: (value, row) => task(row) === tasks[value],
    },
  ];
}
