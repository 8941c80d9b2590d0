// Elements, numbers and words. Text goes into text nodes and attributes only; nothing is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

const OUTCOMES = {
  s: { word: "success", mark: "✓" },
  f: { word: "failure", mark: "✗" },
  e: { word: "error", mark: "!" },
};

const known = (value) => value !== null && value !== undefined;
const count = (n) => n.toLocaleString("en-US");
const percent = (rate) => (known(rate) ? `${(100 * rate).toFixed(1)} %` : "n/a");
const interval = (low, high) => (known(low) ? `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %` : "");
const points = (difference) => `${difference < 0 ? "−" : "+"}${Math.abs(100 * difference).toFixed(1)}`;
const pValue = (p) => (p < 0.001 ? "< 0.001" : p.toFixed(3));
const pText = (p) => (p < 0.001 ? "p\u00a0<\u00a00.001" : `p\u00a0=\u00a0${p.toFixed(3)}`);

function seconds(s) {
  if (!known(s)) return "n/a";
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  if (s < 3600) return `${(s / 60).toFixed(1)} min`;
  return `${(s / 3600).toFixed(1)} h`;
}

function outcomeMark(letter) {
  const { word, mark } = OUTCOMES[letter];
  return h("span", { class: `outcome ${word}` }, h("span", { "aria-hidden": "true" }, mark), ` ${word}`);
}

// Underscores become spaces, but for those between digits, which stand for a decimal point.
const plainName = (name) => name.replace(/(?<![0-9])_|_(?![0-9])/g, " ");
const taskText = (task) => `${task.id}: ${plainName(task.name)}`;

const keyOf = (task, init, repeat, seed) => `${task.suite}/task${task.id}/init${init}/repeat${repeat}/seed${seed}`;

function section(id, title, ...children) {
  return h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), children);
}

// What may be wider than the page scrolls by itself, by touch and, having a tab stop, by keyboard.
function scrolled(label, child) {
  return h("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, child);
}

// columns: [{label, class}], rows: lists of cells, or {class, cells}. A cell is text, an element, or {cell, class, head, heat,
// span}: heat is the rate that colours it, span how many columns it takes.
function table(caption, columns, rows) {
  const head = columns.map(({ label, class: style }) => h("th", { scope: "col", class: style }, label));
  const body = rows.map((row) =>
    h(
      "tr",
      { class: row.class },
      (row.cells || row).map((cell, i) => tableCell(cell, columns[i].class)),
    ),
  );
  return h(
    "table",
    null,
    caption && h("caption", null, h("span", null, caption)),
    h("thead", null, h("tr", null, head)),
    h("tbody", null, body),
  );
}

function tableCell(cell, columnClass) {
  const { cell: content, class: style, head, heat, span } = known(cell) && cell.cell !== undefined ? cell : { cell };
  const shown = h(
    head ? "th" : "td",
    { class: [columnClass, style].filter(Boolean).join(" ") || null, scope: head ? "row" : null, colspan: span },
    content,
  );
  return known(heat) ? heated(shown, heat) : shown;
}

function navigation(sections) {
  return h(
    "nav",
    { "aria-label": "Sections" },
    sections.map((one) => h("a", { href: `#${one.id}` }, one.querySelector("h2").textContent)),
  );
}

// The page: a head, then sections with a row of links to them.
function showPage(head, sections, version) {
  const shown = sections.filter(Boolean);
  document
    .getElementById("page")
    .replaceChildren(
      h("header", null, head, navigation(shown)),
      h("main", { id: "main", tabindex: "-1" }, shown),
      h(
        "footer",
        null,
        `Made by evalharness ${version} from the run directory; every number here can be made again from it.`,
      ),
    );
}
