// Charts as inline SVG. Colours never stand alone: numbers, marks, dashes or words say the same.

const SERIES = 8;
const DASHES = [null, "8 4", "2 3", "12 3 3 3"];

// From orange over light grey to blue: ends that every kind of colour vision tells apart.
const HEAT = [
  [0, [179, 88, 6]],
  [0.25, [241, 163, 64]],
  [0.5, [240, 240, 240]],
  [0.75, [146, 197, 222]],
  [1, [33, 102, 172]],
];

function heatColour(rate) {
  const above = Math.max(
    1,
    HEAT.findIndex(([at]) => at >= rate),
  );
  const [[from, low], [to, high]] = [HEAT[above - 1], HEAT[above]];
  return low.map((value, i) => Math.round(value + ((rate - from) / (to - from)) * (high[i] - value)));
}

// WCAG 2's relative luminance; black or white, whichever contrasts more, has at least 4.5 on any colour.
function luminance(colour) {
  const [r, g, b] = colour.map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function heated(element, rate) {
  if (!known(rate)) return element;
  const colour = heatColour(rate);
  element.classList.add("heat");
  element.style.setProperty("background-color", `rgb(${colour.join(",")})`);
  element.style.setProperty("color", luminance(colour) > 0.179 ? "#000" : "#fff");
  return element;
}

function heatLegend(more) {
  const steps = [0, 0.25, 0.5, 0.75, 1];
  return h(
    "p",
    { class: "legend" },
    "Success rate ",
    steps.map((rate) => heated(h("span", { class: "swatch" }, `${100 * rate} %`), rate)),
    more,
  );
}

// A rate as a dot and its interval as a line, between 0 and 1.
function intervalBar(rate, low, high, width = 120) {
  if (!known(rate)) return null;
  const x = (value) => 4 + (width - 8) * value;
  return svg(
    "svg",
    {
      class: "interval",
      viewBox: `0 0 ${width} 14`,
      width,
      height: 14,
      role: "img",
      "aria-label": `${percent(rate)}, interval ${interval(low, high)}`,
    },
    svg("path", { class: "rail", d: `M${x(0)} 7H${x(1)}M${x(0)} 4V10M${x(0.5)} 4V10M${x(1)} 4V10` }),
    svg("path", { class: "whisker", d: `M${x(low)} 7H${x(high)}` }),
    svg("circle", { class: "dot", cx: x(rate), cy: 7, r: 3.5 }),
  );
}

// A difference and its interval, from -reach to +reach, 0 in the middle.
function differenceBar(difference, low, high, reach) {
  const x = (value) => 80 + (74 * Math.max(-reach, Math.min(reach, value))) / reach;
  return svg(
    "svg",
    { class: "interval", viewBox: "0 0 160 14", width: 160, height: 14, "aria-hidden": "true" },
    svg("path", { class: "rail", d: "M6 7H154M80 1V13" }),
    svg("path", { class: "whisker", d: `M${x(low)} 7H${x(high)}` }),
    svg("circle", { class: "dot", cx: x(difference), cy: 7, r: 3.5 }),
  );
}

// A drawing that is as wide as its place, drawn anew when the place changes, so that its words keep their size.
function drawn(draw) {
  const place = h("div", { class: "chart" });
  new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && place.dataset.width !== String(width)) {
      place.dataset.width = width;
      place.replaceChildren(draw(width));
    }
  }).observe(place);
  return place;
}

const seriesClass = (one, i) => `series s${i % SERIES}${one.strong ? " strong" : ""}`;
// 8 colours and 4 dashes, shifted by one for each round of colours: 32 lines before one comes again.
const seriesDash = (i) => DASHES[(i + Math.floor(i / SERIES)) % DASHES.length];

function lineLegend(series) {
  return h(
    "ul",
    { class: "lines" },
    series.map((one, i) =>
      h(
        "li",
        null,
        svg(
          "svg",
          { viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" },
          svg("path", { class: seriesClass(one, i), d: "M1 5H27", "stroke-dasharray": seriesDash(i) }),
        ),
        ` ${one.name}`,
      ),
    ),
  );
}

// The share at a step: the last point at or before it. Points are [step, share], ascending.
function shareAt(series, step) {
  let share = 0;
  for (const [at, value] of series.points) {
    if (at > step) break;
    share = value;
  }
  return share;
}

function stepPath(series, x, y) {
  let path = `M${x(0)} ${y(0)}`;
  for (const [step, share] of series.points) path += `H${x(step).toFixed(1)}V${y(share).toFixed(1)}`;
  return `${path}H${x(series.maxSteps).toFixed(1)}`;
}

function niceStep(range, wanted) {
  const rough = range / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

// series: [{name, points, maxSteps, strong}]; shares over time steps.
function shareChart(series, label) {
  const last = Math.max(1, ...series.map((one) => one.maxSteps));
  return drawn((width) => {
    const [left, right, top, bottom, height] = [46, 12, 10, 40, 300];
    const x = (step) => left + ((width - left - right) * step) / last;
    const y = (share) => height - bottom - (height - top - bottom) * share;
    const step = Math.max(1, niceStep(last, width < 500 ? 4 : 8));
    const ticks = Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => i * step);
    return svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
      [0, 0.25, 0.5, 0.75, 1].map((share) => [
        svg("path", { class: "grid", d: `M${left} ${y(share)}H${width - right}` }),
        svg("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`),
      ]),
      ticks.map((tick) => svg("text", { x: x(tick), y: height - bottom + 18, "text-anchor": "middle" }, count(tick))),
      svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "time steps"),
      series.map((one, i) =>
        svg("path", { class: seriesClass(one, i), d: stepPath(one, x, y), "stroke-dasharray": seriesDash(i) }),
      ),
    );
  });
}

// parts: [{name, value, class}]; widths are shares of their sum.
function stackedBar(parts, label) {
  const sum = parts.reduce((total, part) => total + part.value, 0) || 1;
  let at = 0;
  const bars = parts.map(({ value, class: style }) => {
    const bar = svg("rect", { class: style, x: 200 * at, y: 0, width: (200 * value) / sum, height: 14 });
    at += value / sum;
    return bar;
  });
  return svg(
    "svg",
    {
      class: "stack",
      viewBox: "0 0 200 14",
      width: 200,
      height: 14,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label,
    },
    bars,
  );
}
