// The page of a comparison or a sweep.
const result = data.result, rows = result.rows, metric = data.metric;
const finite = x => typeof x === "number" && Number.isFinite(x) ? x : null;
const mean = values => values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
const deviation = values => values.length > 1 ? Math.sqrt(values.reduce((sum, v) => sum + (v - mean(values)) ** 2, 0) / (values.length - 1)) : 0;
const spread = s => s ? s.mean.toFixed(2) + (finite(s.std) !== null ? " ± " + s.std.toFixed(2) : "") : null;
const hue = (i, n, alpha = 1) => n <= hues.length ? hues[i] + Math.round(255 * alpha).toString(16).padStart(2, "0") : `hsl(${Math.round(300 * i / n)} 60% 50% / ${alpha})`;
const colourOf = new Map(rows.map((row, i) => [row, alpha => hue(i, rows.length, alpha)]));

// The test data where they scored more than one row, else what the rows were chosen by.
const scored = rows.filter(row => row.test).length > 1 || !rows.some(row => row.validation) ? "test" : "validation";
const score = row => row[scored];
const known = rows.filter(score);
const axis = `${metric} on the ${scored} data, percent`;
const capital = text => text.startsWith("mAP") ? text : text[0].toUpperCase() + text.slice(1);

const duration = s => s < 60 ? s.toFixed(1) + " s" : s < 3600 ? `${Math.floor(s / 60)} min ${Math.round(s % 60)} s` : `${Math.floor(s / 3600)} h ${Math.round(s % 3600 / 60)} min`;
const bytes = b => b >= 1e9 ? (b / 1e9).toFixed(2) + " GB" : b >= 1e6 ? (b / 1e6).toFixed(b >= 1e8 ? 0 : 1) + " MB" : (b / 1e3).toFixed(1) + " kB";
const signed = (x, digits) => (x > 0 ? "+" : "") + x.toFixed(digits);
const last = key => key.slice(key.lastIndexOf(".") + 1);

// Deviation over the seeds, drawn over a point whose dataset has `deviations`.
const whiskers = {
  id: "whiskers",
  afterDatasetsDraw(drawn) {
    drawn.data.datasets.forEach((set, d) => {
      const meta = drawn.getDatasetMeta(d), g = drawn.ctx;
      if (!set.deviations || meta.hidden) return;
      const flat = drawn.options.whiskerAxis === "x", scale = flat ? meta.xScale : meta.yScale;
      g.save();
      g.beginPath();
      g.rect(drawn.chartArea.left, drawn.chartArea.top, drawn.chartArea.width, drawn.chartArea.height);
      g.clip();
      g.strokeStyle = set.borderColor;
      g.lineWidth = 1.5;
      meta.data.forEach((point, i) => {
        const half = set.deviations[i], value = flat ? set.data[i].x : set.data[i].y ?? set.data[i];
        if (!half) return;
        const a = scale.getPixelForValue(value - half), b = scale.getPixelForValue(value + half), at = flat ? point.y : point.x;
        const line = (x0, y0, x1, y1) => { g.beginPath(); g.moveTo(x0, y0); g.lineTo(x1, y1); g.stroke(); };
        const across = (u0, v0, u1, v1) => flat ? line(u0, v0, u1, v1) : line(v0, u0, v1, u1);
        across(a, at, b, at);
        across(a, at - 4, a, at + 4);
        across(b, at - 4, b, at + 4);
      });
      g.restore();
    });
  },
};
Chart.register(whiskers);

function table() {
  const box = section(result.kind === "sweep" ? "Settings" : "Methods", true), scroll = element("div", null, box, "scroll"), made = element("table", null, scroll);
  // Name, text, and a smaller line below it.
  const columns = [[result.kind === "sweep" ? "setting" : "method", row => row.name + (row.name === result.best ? " *" : ""), row => row.failure ? "diverged" : new Set(rows.map(r => r.formula)).size > 1 ? row.formula : ""]];
  if (rows.some(row => row.validation)) columns.push(["validation", row => spread(row.validation)]);
  if (rows.some(row => row.test)) columns.push(["test", row => spread(row.test)]);
  if (result.significance) columns.push(["to the best", row => row.to_best && signed(row.to_best.points, 2), row => row.to_best && `[${signed(row.to_best.low, 1)}, ${signed(row.to_best.high, 1)}]`]);
  if (result.significance) columns.push(["chance?", row => row.to_best && (row.to_best.significant ? "no" : "may be"), row => row.to_best && finite(row.to_best.p_value) !== null ? `p ${row.to_best.p_value.toFixed(3)}` : ""]);
  columns.push(
    ["trainable", row => row.trainable_parameters ? row.trainable_parameters.toLocaleString("en") : null, row => row.total_parameters ? percent(100 * row.trainable_parameters / row.total_parameters) : ""],
    ["time", row => row.seconds ? duration(row.seconds) : null, row => row.seconds ? `${duration(row.seconds_per_epoch)} an epoch` : ""],
    ["peak memory", row => row.peak_bytes ? bytes(row.peak_bytes) : null],
    ["adapter", row => row.adapter_bytes ? bytes(row.adapter_bytes) : null]);
  if (rows.some(row => finite(row.paper) !== null)) columns.push(["paper", row => finite(row.paper) === null ? null : row.paper.toFixed(2)]);
  const head = element("tr", null, element("thead", null, made)), body = element("tbody", null, made);
  for (const [name] of columns) element("th", name, head);
  element("th", "seeds", head);
  for (const row of rows) {
    const line = element("tr", null, body, row.name === result.best ? "best" : "");
    for (const [, text, below] of columns) {
      const cell = element("td", text(row) ?? "–", line);
      if (below && below(row)) element("div", below(row), cell, "below");
    }
    const runs = element("td", null, line);
    for (const trial of row.trials) {
      if (!trial.summary) continue;
      const link = element("a", String(trial.seed), runs);
      link.href = `${trial.folder}/report.html`;
      link.title = `The page of seed ${trial.seed}`;
    }
  }
  for (const note of data.notes) element("p", note, box, "note");
  for (const warning of result.warnings) element("p", warning, box, "note warning");
}

// Room on an axis for means and their deviations.
function room(list) {
  const low = Math.min(...list.map(row => score(row).mean - (finite(score(row).std) ?? 0))), high = Math.max(...list.map(row => score(row).mean + (finite(score(row).std) ?? 0)));
  const spare = (high - low) * 0.05;
  return { suggestedMin: low - spare, suggestedMax: high + spare, title: { display: true, text: axis } };
}

// Every row as a dot with its seeds beside it: scores lie close together, and bars would have to begin at zero.
function scores() {
  if (known.length < 2) return;
  const names = known.map(row => row.name), box = section(capital(axis), true), place = element("div", null, box, "chart");
  place.style.height = `${5 + 1.6 * known.length}rem`;
  new Chart(element("canvas", null, place), {
    type: "scatter",
    data: {
      datasets: [
        { label: "mean", data: known.map(row => ({ x: score(row).mean, y: row.name })), deviations: known.map(row => finite(row[scored].std)), backgroundColor: known.map(row => colourOf.get(row)(1)), borderColor: colour("soft"), pointRadius: 6 },
        { label: "a seed", data: known.flatMap(row => score(row).values.map(x => ({ x, y: row.name }))), backgroundColor: known.flatMap(row => score(row).values.map(() => colourOf.get(row)(0.45))), pointRadius: 3 },
      ],
    },
    options: {
      whiskerAxis: "x",
      scales: { x: room(known), y: { type: "category", labels: names, offset: true, ticks: { autoSkip: false } } },
      plugins: { legend: { display: false }, tooltip: { callbacks: { label: i => `${i.raw.y}, ${i.dataset.label}: ${percent(i.raw.x)}` } } },
    },
  });
}

function against(title, unit, of, logarithmic) {
  const points = known.filter(row => of(row) > 0);
  if (new Set(points.map(of)).size < 2) return;
  const low = Math.min(...points.map(of)), high = Math.max(...points.map(of)), powers = logarithmic && high / low > 20;
  chart(section(title), {
    type: "scatter",
    data: { datasets: points.map(row => ({ label: row.name, data: [{ x: of(row), y: score(row).mean }], deviations: [finite(score(row).std)], backgroundColor: colourOf.get(row)(1), borderColor: colourOf.get(row)(1), pointRadius: 6 })) },
    options: {
      scales: { x: { type: logarithmic ? "logarithmic" : "linear", title: { display: true, text: unit }, suggestedMin: logarithmic ? low / 1.5 : undefined, suggestedMax: logarithmic ? high * 1.5 : undefined, ticks: { maxTicksLimit: 7, callback: x => !powers || Number.isInteger(Math.log10(x)) ? x.toLocaleString("en") : "" } }, y: room(points) },
      plugins: { legend: { display: points.length <= 8, labels: { boxWidth: 10 } }, tooltip: { callbacks: { label: i => `${i.dataset.label}: ${percent(i.raw.y)}, ${unit} ${i.raw.x.toLocaleString("en")}` } } },
    },
  });
}

// A row's figure epoch by epoch: the mean over its seeds, and the deviation as a band.
function curves(title, unit, part, of) {
  const shown = part.filter(row => row.trials.some(trial => trial.epochs.some(epoch => finite(of(epoch)) !== null)));
  const epochs = Math.max(0, ...shown.flatMap(row => row.trials.map(trial => trial.epochs.length)));
  if (epochs === 0) return;
  const sets = [];
  for (const row of shown) {
    const at = Array.from({ length: epochs }, (_, e) => row.trials.map(trial => trial.epochs[e] ? finite(of(trial.epochs[e])) : null).filter(v => v !== null));
    const middle = at.map(mean), half = at.map(deviation), own = { borderColor: colourOf.get(row)(1), pointRadius: epochs > 20 ? 0 : 2, borderWidth: 2, spanGaps: true };
    if (half.some(h => h > 0)) {
      const edge = { borderWidth: 0, pointRadius: 0, pointHitRadius: 0, spanGaps: true, band: true };
      sets.push({ ...edge, label: row.name, data: middle.map((m, i) => m === null ? null : m - half[i]) });
      sets.push({ ...edge, label: row.name, data: middle.map((m, i) => m === null ? null : m + half[i]), fill: "-1", backgroundColor: colourOf.get(row)(0.15) });
    }
    sets.push({ ...own, label: row.name, data: middle, backgroundColor: colourOf.get(row)(1) });
  }
  chart(section(title), {
    type: "line",
    data: { labels: Array.from({ length: epochs }, (_, e) => e + 1), datasets: sets },
    options: {
      scales: { x: { title: { display: true, text: "epoch" } }, y: { title: { display: true, text: unit } } },
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: shown.length <= 8, labels: { boxWidth: 10, filter: item => !sets[item.datasetIndex].band }, onClick: () => {} }, tooltip: { filter: item => !item.dataset.band } },
    },
  });
}

// The part of a row's name ahead of its values: groups of a sweep have names of their own.
function group(row) {
  const keys = Object.keys(row.values), clear = new Set(keys.map(last)).size === keys.length;
  const values = keys.map(key => `${clear ? last(key) : key} ${row.values[key]}`).join(", ");
  return row.name.endsWith(values) ? row.name.slice(0, row.name.length - values.length).replace(/, $/, "") : row.name;
}

function groups(list, by) {
  const made = new Map();
  for (const row of list) made.set(by(row), [...(made.get(by(row)) ?? []), row]);
  return [...made];
}

// One key varies: its values against the score, a line for each group. VPT's prompts and AdaptFormer's bottleneck share an axis, as in the paper's Figure 4.
function overValues(part) {
  const keyOf = row => Object.keys(row.values)[0], valueOf = row => row.values[keyOf(row)];
  const keys = [...new Set(part.map(keyOf))], numeric = part.every(row => valueOf(row) !== "" && Number.isFinite(Number(valueOf(row))));
  const positive = numeric && part.every(row => Number(valueOf(row)) > 0), xs = part.map(row => Number(valueOf(row)));
  const logarithmic = positive && Math.max(...xs) / Math.min(...xs) >= 8;
  const x = row => numeric ? Number(valueOf(row)) : valueOf(row);
  const named = groups(part, row => `${group(row)}${group(row) && keys.length > 1 ? ", " : ""}${keys.length > 1 ? last(keyOf(row)) : ""}`);
  const sets = named.map(([name, list], i) => {
    const sorted = numeric ? [...list].sort((a, b) => x(a) - x(b)) : list;
    return { label: name || "here", data: sorted.map(row => ({ x: x(row), y: score(row).mean })), deviations: sorted.map(row => finite(score(row).std)), borderColor: hue(i, 10), backgroundColor: hue(i, 10), showLine: numeric, borderWidth: 2, pointRadius: 5 };
  });
  const paper = part.filter(row => finite(row.paper) !== null);
  if (paper.length > 1) sets.push({ label: "the paper, on its own data (right axis)", data: (numeric ? [...paper].sort((a, b) => x(a) - x(b)) : paper).map(row => ({ x: x(row), y: row.paper })), borderColor: colour("soft"), backgroundColor: colour("soft"), borderDash: [5, 4], showLine: numeric, borderWidth: 2, pointRadius: 4, pointStyle: "rectRot", yAxisID: "paper" });
  const values = [...new Set(part.map(x))].sort((a, b) => numeric ? a - b : 0);
  const scaleX = numeric
    ? { type: logarithmic ? "logarithmic" : "linear", afterBuildTicks: scale => { if (values.length <= 12) scale.ticks = values.map(value => ({ value })); }, ticks: { callback: value => value, autoSkip: false } }
    : { type: "category", labels: values, offset: true };
  const scales = { x: { ...scaleX, title: { display: true, text: keys.map(last).join(", ") } }, y: room(part) };
  if (paper.length > 1) scales.paper = { position: "right", grid: { drawOnChartArea: false }, title: { display: true, text: "paper, percent" } };
  chart(section(`${capital(metric)} over ${keys.map(last).join(" and ")}`, true), {
    type: "scatter",
    data: { datasets: sets },
    options: { scales, plugins: { legend: { display: sets.length > 1 }, tooltip: { callbacks: { label: i => `${i.raw.x}: ${percent(i.raw.y)}` } } } },
  });
}

// Two keys, each value of one with each of the other: a coloured table.
function heat(name, part, [down, along]) {
  const order = key => [...new Set(part.map(row => row.values[key]))].sort((a, b) => Number.isFinite(Number(a)) && Number.isFinite(Number(b)) ? a - b : 0);
  const all = part.map(row => score(row).mean), low = Math.min(...all), high = Math.max(...all);
  const box = section(`${name ? name + ": " : ""}${last(down)} by ${last(along)}`, true), made = element("table", null, element("div", null, box, "scroll"), "heat");
  const head = element("tr", null, element("thead", null, made)), body = element("tbody", null, made);
  element("th", `${last(down)} ↓ ${last(along)} →`, head);
  for (const value of order(along)) element("th", value, head);
  for (const value of order(down)) {
    const line = element("tr", null, body);
    element("td", value, line);
    for (const other of order(along)) {
      const row = part.find(r => r.values[down] === value && r.values[along] === other), cell = element("td", row ? spread(score(row)) : "–", line);
      if (!row) continue;
      cell.style.setProperty("--heat", `${Math.round(8 + 62 * (high > low ? (score(row).mean - low) / (high - low) : 1))}%`);
      if (row.name === result.best) cell.className = "best";
    }
  }
  element("p", `${axis}: the darker, the higher. From ${low.toFixed(2)} to ${high.toFixed(2)}.`, box, "note");
}

// More keys, or values drawn at random: the score against each key by itself.
function overEach(part) {
  for (const key of [...new Set(part.flatMap(row => Object.keys(row.values)))]) {
    const own = part.filter(row => key in row.values), numeric = own.every(row => Number.isFinite(Number(row.values[key]))), xs = own.map(row => Number(row.values[key]));
    if (new Set(own.map(row => row.values[key])).size < 2) continue;
    const logarithmic = numeric && Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) >= 8;
    chart(section(`${capital(metric)} over ${last(key)}`), {
      type: "scatter",
      data: { datasets: [{ data: own.map(row => ({ x: numeric ? Number(row.values[key]) : row.values[key], y: score(row).mean })), deviations: own.map(row => finite(score(row).std)), backgroundColor: colour("accent"), borderColor: colour("accent"), pointRadius: 5 }] },
      options: {
        scales: { x: { type: numeric ? (logarithmic ? "logarithmic" : "linear") : "category", labels: numeric ? undefined : [...new Set(own.map(row => row.values[key]))], offset: !numeric, title: { display: true, text: key }, ticks: { maxTicksLimit: 8 } }, y: room(own) },
        plugins: { legend: { display: false }, tooltip: { callbacks: { label: i => `${own[i.dataIndex].name}: ${percent(i.raw.y)}` } } },
      },
    });
  }
}

function sweep() {
  if (known.length < 2) return;
  const single = known.filter(row => Object.keys(row.values).length === 1);
  if (single.length > 1) overValues(single);
  for (const [, part] of groups(known.filter(row => Object.keys(row.values).length > 1), row => `${group(row)}|${Object.keys(row.values).join()}`)) {
    const keys = Object.keys(part[0].values), cells = keys.reduce((n, key) => n * new Set(part.map(row => row.values[key])).size, 1);
    if (keys.length === 2 && cells <= 2 * part.length) heat(group(part[0]), part, keys);
    else overEach(part);
  }
}

// Successive halving: where every combination stood after each of its rounds.
function halving(outcome) {
  const names = [...new Set(outcome.rungs.flatMap(rung => rung.rows.map(row => row.name)))];
  const box = section("Successive halving", true);
  chart(box, {
    type: "line",
    data: {
      labels: outcome.rungs.map((rung, i) => `round ${i + 1}: ${rung.rows.length} × ${rung.epochs} epoch${rung.epochs === 1 ? "" : "s"}`),
      datasets: names.map((name, i) => ({ label: name, data: outcome.rungs.map(rung => finite(rung.rows.find(row => row.name === name)?.validation?.mean)), borderColor: hue(i, names.length), backgroundColor: hue(i, names.length), pointRadius: 4, borderWidth: 2 })),
    },
    options: { scales: { y: { title: { display: true, text: `${metric} on the validation data, percent` } }, x: { offset: true } }, plugins: { legend: { display: names.length <= 12, labels: { boxWidth: 10 } }, tooltip: { callbacks: { label: i => `${i.dataset.label}: ${percent(i.raw)}` } } } },
  });
  element("p", `${outcome.epochs} of ${outcome.grid_epochs} epochs of the full grid (${(100 * outcome.epochs / outcome.grid_epochs).toFixed(1)} %). Each round trains anew, and only the better combinations go on.`, box, "note");
}

function recipes() {
  const names = Object.keys(data.recipes);
  if (names.length === 0) return;
  const box = section("Recipe"), choice = element("select", null, box), text = element("pre", null, box);
  choice.ariaLabel = "Row";
  for (const name of names) element("option", name, choice).selected = name === result.best;
  const show = () => { text.textContent = JSON.stringify(data.recipes[choice.value], null, 2); };
  choice.addEventListener("change", show);
  show();
}

table();
scores();
if (result.halving) halving(result.halving);
if (result.kind === "sweep") sweep();
against(`${capital(metric)} against size`, "trainable parameters", row => row.trainable_parameters, true);
if (result.kind !== "sweep") against(`${capital(metric)} against time`, "seconds an epoch", row => row.seconds_per_epoch, false);
const validated = rows.some(row => row.trials.some(trial => trial.epochs.some(epoch => finite(epoch.validation_top1) !== null)));
const ofEpoch = epoch => validated ? epoch[data.multi_label ? "validation_map" : "validation_top1"] : epoch.train_top1;
for (const [name, part] of groups(rows, row => result.kind === "sweep" ? group(row) : "")) {
  const titled = text => name ? `${name}: ${text}` : capital(text);
  curves(titled(`${validated ? `validation ${metric}` : "training top-1"} by epoch`), "percent", part, ofEpoch);
  curves(titled("training loss by epoch"), "loss", part, epoch => epoch.train_loss);
}
if (result.command) element("pre", result.command, section("The command", true));
recipes();
element("pre", JSON.stringify(result.environment, null, 2), section("Environment"));
