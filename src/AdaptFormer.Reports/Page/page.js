"use strict";
// What the pages of runs and of experiments share.
const data = JSON.parse(document.getElementById("data").textContent);
const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const hue = i => colour(`chart-${i % 10 + 1}`);
const faint = (hex, alpha) => hex + Math.round(255 * alpha).toString(16).padStart(2, "0");
// Series differ by the shape of their points too, for readers who tell few colours apart.
const shapes = [["circle", "●"], ["rect", "■"], ["triangle", "▲"], ["rectRot", "◆"], ["star", "✱"], ["crossRot", "✕"]];
const shape = (i, sign = 0) => shapes[(i + Math.floor(i / 10)) % shapes.length][sign];
const finite = x => typeof x === "number" && Number.isFinite(x) ? x : null;
const percent = (x, digits = 2) => finite(x) === null ? "–" : x.toFixed(digits) + " %";
const short = x => finite(x) === null ? "–" : x === 0 ? "0" : Math.abs(x) >= 1000 ? Math.round(x).toLocaleString("en") : Math.abs(x) < 0.001 ? x.toExponential(2) : Number(x.toPrecision(4)).toString();

const element = (tag, text, parent, className) => {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  if (className) made.className = className;
  if (parent) parent.append(made);
  return made;
};

// A name that may break where its parts meet: names of classes are often one long word.
function breakable(text, parent) {
  for (const part of text.split(/(?<=[a-z])(?=[A-Z])|(?<=[_/])/)) parent.append(part, document.createElement("wbr"));
}

const section = (title, wide) => {
  const made = element("section", null, document.getElementById("main"), wide ? "wide" : "");
  element("h2", title, made);
  return made;
};

const more = (parent, title) => {
  const made = element("details", null, parent);
  element("summary", title, made);
  return made;
};

// A table that scrolls within itself where it is too wide, with the keyboard too. The first cell of a row is its heading; a cell is text, or a function that fills it.
function grid(parent, columns, rows, options = {}) {
  if (options.shown) element("p", options.caption, parent, "above");
  const scroll = element("div", null, parent, rows.length > 14 && !options.whole ? "scroll tall" : "scroll");
  scroll.tabIndex = 0;
  scroll.role = "region";
  scroll.ariaLabel = options.caption ?? columns.join(", ");
  const table = element("table", null, scroll, options.className), put = (line, cell, tag) => {
    const made = element(tag, null, line);
    if (typeof cell === "function") cell(made);
    else breakable(String(cell ?? "–"), made);
    return made;
  };
  if (options.caption) element("caption", options.caption, table, "hidden");
  const head = element("tr", null, element("thead", null, table));
  for (const title of columns) put(head, title, "th").scope = "col";
  const body = element("tbody", null, table);
  for (const row of rows) {
    const line = element("tr", null, body, row.className);
    row.forEach((cell, i) => { const made = put(line, cell, i === 0 ? "th" : "td"); if (i === 0) made.scope = "row"; });
  }
  if (options.foot) {
    const line = element("tr", null, element("tfoot", null, table));
    options.foot.forEach((cell, i) => put(line, cell, i === 0 ? "th" : "td"));
  }
  return table;
}

const bar = value => cell => {
  cell.className = "bar";
  const meter = element("div", null, cell, "meter");
  element("i", null, meter).style.setProperty("--share", `${value ?? 0}%`);
  element("span", percent(value), meter);
};

// Charts are made anew when the reader's system changes between light and dark, because a canvas does not follow the style sheet.
const drawn = [];
const dark = matchMedia("(prefers-color-scheme: dark)");
function paint(entry) {
  entry.made?.destroy();
  entry.place.replaceChildren();
  const canvas = element("canvas", null, entry.place);
  canvas.role = "img";
  canvas.ariaLabel = entry.says;
  Chart.defaults.color = colour("soft");
  Chart.defaults.borderColor = colour("line");
  entry.made = new Chart(canvas, entry.config());
}
dark.addEventListener("change", () => drawn.forEach(paint));

Chart.defaults.font.family = "system-ui, sans-serif";
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.plugins.legend.display = false;

// What the series are: a number of a colour and shape, or a sign of its own, and a name. On the page and not in the canvas, where long names would take the room of the chart.
function legend(parent, series) {
  if (series.length < 2 || series.length > 12) return;
  const list = element("ul", null, parent, "legend");
  for (const [i, name] of series) {
    const line = element("li", null, list), sign = element("span", typeof i === "number" ? shape(i, 1) : i, line);
    sign.ariaHidden = "true";
    if (typeof i === "number") sign.style.color = `var(--chart-${i % 10 + 1})`;
    line.append(name);
  }
}

// Draws a chart; `says` is what it shows, in words, `table` its figures: [columns, rows], and `series` what its legend names.
function chart(parent, says, table, series, config, className = "") {
  legend(parent, series);
  const entry = { place: element("div", null, parent, `chart ${className}`), says: `${says} The figures are in the table below.`, config };
  drawn.push(entry);
  paint(entry);
  grid(more(parent, "The figures"), table[0], table[1], { caption: says });
  return entry;
}

// Cards lie in two columns; one that would stand alone in its row takes both.
function finish() {
  let left = null;
  for (const card of [...document.querySelectorAll("main > section"), null]) {
    if (card === null || card.classList.contains("wide")) {
      left?.classList.add("wide");
      left = null;
    } else left = left ? null : card;
  }
  document.documentElement.dataset.drawn = "whole";       // nothing went wrong before this line
}

if (data.headline) {
  const box = document.getElementById("headline"), [, number, unit] = data.headline.value.match(/^(\S+)\s*(.*)$/), value = element("p", number, box, "value");
  if (unit) element("small", unit, value);
  if (data.headline.interval) element("p", data.headline.interval, box, "interval");
  element("p", data.headline.name, box, "name");
}
for (const fact of data.facts) {
  const box = element("div", null, document.getElementById("facts"), fact.value.length > 26 ? "long" : "");
  element("dt", fact.name, box);
  element("dd", fact.value, box);
}
for (const note of data.remarks ?? []) element("p", note, document.getElementById("notes"));
