// The page of a comparison or a sweep.
const result = data.result, rows = result.rows, metric = data.metric, sweeps = result.kind === "sweep";
const average = values => values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
const deviation = values => values.length > 1 ? Math.sqrt(values.reduce((sum, v) => sum + (v - average(values)) ** 2, 0) / (values.length - 1)) : 0;
const spread = s => s ? s.mean.toFixed(2) + (finite(s.std) !== null ? " ± " + s.std.toFixed(2) : "") : null;
const place = new Map(rows.map((row, i) => [row, i]));

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
Chart.register({
  id: "whiskers",
  afterDatasetsDraw(drawn) {
    drawn.data.datasets.forEach((set, d) => {
      const meta = drawn.getDatasetMeta(d), g = drawn.ctx;
      if (!set.deviations || meta.hidden) return;
      g.save();
      g.beginPath();
      g.rect(drawn.chartArea.left, drawn.chartArea.top, drawn.chartArea.width, drawn.chartArea.height);
      g.clip();
      g.strokeStyle = set.borderColor;
      g.lineWidth = 1.5;
      const line = (x0, y0, x1, y1) => { g.beginPath(); g.moveTo(x0, y0); g.lineTo(x1, y1); g.stroke(); };
      meta.data.forEach((point, i) => {
        const half = set.deviations[i];
        if (!half) return;
        const a = meta.yScale.getPixelForValue(set.data[i].y - half), b = meta.yScale.getPixelForValue(set.data[i].y + half);
        line(point.x, a, point.x, b);
        line(point.x - 4, a, point.x + 4, a);
        line(point.x - 4, b, point.x + 4, b);
      });
      g.restore();
    });
  },
});

function table() {
  const box = section(sweeps ? "Settings" : "Methods", true), formulas = new Set(rows.map(row => row.formula)).size > 1;
  const cell = (text, below) => made => {
    made.textContent = text ?? "–";
    if (below) element("div", below, made, "below");
  };
  // Heading, and what stands in a row's cell, with a smaller line below it.
  const columns = [[sweeps ? "setting" : "method", row => cell(row.name + (row.name === result.best ? " *" : ""), row.failure ? "diverged" : formulas && !sweeps ? row.formula : "")]];
  if (rows.some(row => row.validation)) columns.push(["validation", row => cell(spread(row.validation))]);
  if (rows.some(row => row.test)) columns.push(["test", row => cell(spread(row.test))]);
  if (result.significance) {
    columns.push(["to the best", row => cell(row.to_best && signed(row.to_best.points, 2), row.to_best && `[${signed(row.to_best.low, 1)}, ${signed(row.to_best.high, 1)}]`)]);
    columns.push(["chance?", row => cell(row.to_best && (row.to_best.significant ? "no" : "may be"), row.to_best && finite(row.to_best.p_value) !== null ? `p ${row.to_best.p_value.toFixed(3)}` : "")]);
  }
  columns.push(
    ["trainable", row => cell(row.trainable_parameters ? row.trainable_parameters.toLocaleString("en") : null, row.total_parameters ? percent(100 * row.trainable_parameters / row.total_parameters) : "")],
    ["time", row => cell(row.seconds ? duration(row.seconds) : null, row.seconds ? `${duration(row.seconds_per_epoch)} an epoch` : "")],
    ["peak memory", row => cell(row.peak_bytes ? bytes(row.peak_bytes) : null)],
    ["adapter", row => cell(row.adapter_bytes ? bytes(row.adapter_bytes) : null)]);
  if (rows.some(row => finite(row.paper) !== null)) columns.push(["paper", row => cell(finite(row.paper) === null ? null : row.paper.toFixed(2))]);
  columns.push(["seeds", row => made => {
    for (const trial of row.trials) {
      if (!trial.summary) continue;
      const link = element("a", String(trial.seed), made);
      link.href = `${trial.folder}/report.html`;
      link.title = link.ariaLabel = `The page of ${row.name}, seed ${trial.seed}`;
    }
  }]);
  const lines = rows.map(row => Object.assign(columns.map(([, fill]) => fill(row)), { className: row.name === result.best ? "best" : "" }));
  grid(box, columns.map(([name]) => name), lines, { whole: true, caption: "Every row with its scores and its cost" });
  for (const note of data.notes) element("p", note, box, "note");
  for (const warning of result.warnings) element("p", warning, box, "note warning");
}

// Round values between two, not more than five or so.
function ticks(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough);
  const all = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) all.push(Number((n * step).toPrecision(6)));
  return all;
}

// Every row as a dot among its seeds: scores lie close together, and bars would have to begin at zero.
function scores() {
  if (known.length < 2) return;
  const ends = known.flatMap(row => [...score(row).values, score(row).mean - (finite(score(row).std) ?? 0), score(row).mean + (finite(score(row).std) ?? 0)]);
  const spare = (Math.max(...ends) - Math.min(...ends)) * 0.06 || 1, low = Math.min(...ends) - spare, high = Math.max(...ends) + spare, at = x => `${100 * (x - low) / (high - low)}%`;
  const box = section(capital(axis), true), list = element("div", null, box, "dots");
  for (const row of known) {
    const best = row.name === result.best ? " best" : "", half = finite(score(row).std);
    element("div", row.name, list, `name${best}`);
    element("div", spread(score(row)), list, `value${best}`);
    const strip = element("div", null, list, `strip${best}`);
    strip.role = "img";
    strip.ariaLabel = `${row.name}: mean ${score(row).mean.toFixed(2)}; seeds ${score(row).values.map(v => v.toFixed(2)).join(", ")}`;
    const mark = (className, values) => {
      const made = element("i", null, strip, className);
      for (const [name, value] of Object.entries(values)) made.style.setProperty(`--${name}`, value);
    };
    if (half) mark("range", { from: at(score(row).mean - half), to: at(score(row).mean + half) });
    if (score(row).values.length > 1) for (const value of score(row).values) mark("seed", { at: at(value) });
    mark("mean", { at: at(score(row).mean) });
  }
  const scale = element("div", null, list, "strip axis");
  scale.ariaHidden = "true";
  for (const value of ticks(Math.max(low, 0), Math.min(high, 100))) element("span", short(value), scale).style.setProperty("--at", at(value));
  const several = known.some(row => score(row).values.length > 1);
  element("p", several ? "A full dot is the mean, a ring a seed, a band the deviation over the seeds. The best by what it was chosen by stands out." : "One seed each. The best by what it was chosen by stands out.", box, "note");
}

// Room on an axis for means and their deviations.
function room(list) {
  const low = Math.min(...list.map(row => score(row).mean - (finite(score(row).std) ?? 0))), high = Math.max(...list.map(row => score(row).mean + (finite(score(row).std) ?? 0)));
  const spare = (high - low) * 0.05 || 1;
  return {
    suggestedMin: low - spare, suggestedMax: high + spare, title: { display: true, text: `${metric}, percent` },
    ticks: { callback: percent => percent < 0 || percent > 100 ? "" : percent.toLocaleString("en") },
  };
}

const named = list => list.map(row => [place.get(row), row.name]);
const rangeOf = list => { const means = list.map(row => score(row).mean); return `from ${Math.min(...means).toFixed(2)} to ${Math.max(...means).toFixed(2)}`; };

function against(title, unit, of, logarithmic) {
  const points = known.filter(row => of(row) > 0);
  if (new Set(points.map(of)).size < 2) return;
  const low = Math.min(...points.map(of)), high = Math.max(...points.map(of)), powers = logarithmic && high / low > 20;
  chart(section(title), `${axis}, against ${unit}: ${points.length} points ${rangeOf(points)}.`, [[sweeps ? "setting" : "method", unit, metric], points.map(row => [row.name, short(of(row)), spread(score(row))])], named(points), () => ({
    type: "scatter",
    data: { datasets: points.map(row => ({ label: row.name, data: [{ x: of(row), y: score(row).mean }], deviations: [finite(score(row).std)], backgroundColor: hue(place.get(row)), borderColor: hue(place.get(row)), pointStyle: shape(place.get(row)), pointRadius: 6 })) },
    options: {
      scales: {
        x: {
          type: logarithmic ? "logarithmic" : "linear", title: { display: true, text: unit }, suggestedMin: logarithmic ? low / 1.5 : undefined, suggestedMax: logarithmic ? high * 1.5 : undefined,
          ticks: { maxTicksLimit: 7, callback: x => !logarithmic || (powers ? /^10*$/ : /^[125]0*$/).test(String(x)) ? x.toLocaleString("en") : "" },
        },
        y: room(points),
      },
      plugins: { tooltip: { callbacks: { label: i => `${i.dataset.label}: ${percent(i.raw.y)}, ${unit} ${i.raw.x.toLocaleString("en")}` } } },
    },
  }));
}

// A row's figure epoch by epoch: the mean over its seeds, and the deviation as a band.
function curves(title, unit, part, of) {
  const shown = part.filter(row => row.trials.some(trial => trial.epochs.some(epoch => finite(of(epoch)) !== null)));
  const epochs = Math.max(0, ...shown.flatMap(row => row.trials.map(trial => trial.epochs.length)));
  if (epochs < 2) return;
  const numbers = Array.from({ length: epochs }, (_, e) => e + 1);
  const figures = shown.map(row => {
    const at = numbers.map(e => row.trials.map(trial => trial.epochs[e - 1] ? finite(of(trial.epochs[e - 1])) : null).filter(v => v !== null));
    return { row, middle: at.map(average), half: at.map(deviation) };
  });
  const means = figures.map(f => `${f.row.name} ends at ${short(f.middle.findLast(m => m !== null))}`);
  chart(section(title), `${title}: ${means.length <= 6 ? means.join(", ") : `${means.length} lines`}.`, [["epoch", ...figures.map(f => f.row.name)], numbers.map((e, i) => [e, ...figures.map(f => short(f.middle[i]))])], named(shown), () => {
    const sets = [];
    for (const { row, middle, half } of figures) {
      const own = hue(place.get(row));
      if (figures.length <= 6 && half.some(h => h > 0)) {
        const edge = { borderWidth: 0, pointRadius: 0, pointHitRadius: 0, spanGaps: true, band: true, label: row.name };
        sets.push({ ...edge, data: middle.map((m, i) => m === null ? null : m - half[i]) });
        sets.push({ ...edge, data: middle.map((m, i) => m === null ? null : m + half[i]), fill: "-1", backgroundColor: faint(own, 0.15) });
      }
      sets.push({ label: row.name, data: middle, borderColor: own, backgroundColor: own, pointStyle: shape(place.get(row)), pointRadius: epochs > 20 ? 0 : 3, borderWidth: 2, spanGaps: true });
    }
    return {
      type: "line",
      data: { labels: numbers, datasets: sets },
      options: {
        scales: { x: { title: { display: true, text: "epoch" } }, y: { title: { display: true, text: unit } } },
        interaction: { mode: "index", intersect: false },
        plugins: { tooltip: { filter: item => !item.dataset.band } },
      },
    };
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
  const x = row => numeric ? Number(valueOf(row)) : valueOf(row), sorted = list => numeric ? [...list].sort((a, b) => x(a) - x(b)) : list;
  const series = groups(part, row => `${group(row)}${group(row) && keys.length > 1 ? ", " : ""}${keys.length > 1 ? last(keyOf(row)) : ""}`);
  const paper = part.filter(row => finite(row.paper) !== null), beside = paper.length > 1, values = [...new Set(part.map(x))].sort((a, b) => numeric ? a - b : 0);
  const title = `${capital(metric)} over ${keys.map(last).join(" and ")}`;
  const figures = [[keys.map(last).join(", "), sweeps ? "setting" : "method", metric, ...(beside ? ["paper"] : [])], sorted(part).map(row => [valueOf(row), row.name, spread(score(row)), ...(beside ? [percent(row.paper)] : [])])];
  const keyed = [...series.map(([name], i) => [i, name || "here"]), ...(beside ? [["◇", "the paper, on its own data (right axis)"]] : [])];
  chart(section(title, true), `${title}, ${scored} data: ${part.length} settings ${rangeOf(part)}.`, figures, keyed, () => {
    const sets = series.map(([name, list], i) => ({
      label: name || "here", data: sorted(list).map(row => ({ x: x(row), y: score(row).mean })), deviations: sorted(list).map(row => finite(score(row).std)), borderColor: hue(i), backgroundColor: hue(i), pointStyle: shape(i), showLine: numeric, borderWidth: 2, pointRadius: 5,
    }));
    if (beside) sets.push({ label: "the paper, on its own data (right axis)", data: sorted(paper).map(row => ({ x: x(row), y: row.paper })), borderColor: colour("soft"), backgroundColor: colour("soft"), borderDash: [5, 4], showLine: numeric, borderWidth: 2, pointRadius: 4, pointStyle: "rectRot", yAxisID: "paper" });
    const scaleX = numeric
      ? { type: logarithmic ? "logarithmic" : "linear", afterBuildTicks: scale => { if (values.length <= 12) scale.ticks = values.map(value => ({ value })); }, ticks: { callback: value => value, autoSkip: false } }
      : { type: "category", labels: values, offset: true };
    const scales = { x: { ...scaleX, title: { display: true, text: keys.map(last).join(", ") } }, y: room(part) };
    if (beside) scales.paper = { position: "right", grid: { drawOnChartArea: false }, title: { display: true, text: "paper, percent" } };
    return { type: "scatter", data: { datasets: sets }, options: { scales, plugins: { tooltip: { callbacks: { label: i => `${i.raw.x}: ${percent(i.raw.y)}` } } } } };
  });
}

// Two keys, each value of one with each of the other: a coloured table.
function heat(name, part, [down, along]) {
  const order = key => [...new Set(part.map(row => row.values[key]))].sort((a, b) => Number.isFinite(Number(a)) && Number.isFinite(Number(b)) ? a - b : 0);
  const all = part.map(row => score(row).mean), low = Math.min(...all), high = Math.max(...all);
  const box = section(`${name ? name + ": " : ""}${last(down)} by ${last(along)}`, order(along).length > 4);
  grid(box, [`${last(down)} ↓ ${last(along)} →`, ...order(along)], order(down).map(value => [value, ...order(along).map(other => cell => {
    const row = part.find(r => r.values[down] === value && r.values[along] === other);
    cell.textContent = row ? spread(score(row)) : "–";
    if (!row) return;
    cell.style.setProperty("--share", high > low ? 0.1 + 0.9 * (score(row).mean - low) / (high - low) : 0.5);
    if (row.name === result.best) cell.className = "best";
  })]), { className: "heat", whole: true, caption: `${axis}, for each ${last(down)} (rows) with each ${last(along)} (columns)` });
  element("p", `${axis}: the stronger the colour, the higher; from ${low.toFixed(2)} to ${high.toFixed(2)}. The best is framed.`, box, "note");
}

// More keys, or values drawn at random: the score against each key by itself.
function overEach(part) {
  for (const key of [...new Set(part.flatMap(row => Object.keys(row.values)))]) {
    const own = part.filter(row => key in row.values), numeric = own.every(row => Number.isFinite(Number(row.values[key]))), xs = own.map(row => Number(row.values[key]));
    if (new Set(own.map(row => row.values[key])).size < 2) continue;
    const logarithmic = numeric && Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) >= 8, title = `${capital(metric)} over ${last(key)}`;
    chart(section(title), `${title}, ${scored} data: ${own.length} settings ${rangeOf(own)}.`, [[last(key), "setting", metric], own.map(row => [row.values[key], row.name, spread(score(row))])], [], () => ({
      type: "scatter",
      data: { datasets: [{ data: own.map(row => ({ x: numeric ? Number(row.values[key]) : row.values[key], y: score(row).mean })), deviations: own.map(row => finite(score(row).std)), backgroundColor: hue(0), borderColor: hue(0), pointRadius: 5 }] },
      options: {
        scales: { x: { type: numeric ? (logarithmic ? "logarithmic" : "linear") : "category", labels: numeric ? undefined : [...new Set(own.map(row => row.values[key]))], offset: !numeric, title: { display: true, text: key }, ticks: { maxTicksLimit: 8 } }, y: room(own) },
        plugins: { tooltip: { callbacks: { label: i => `${own[i.dataIndex].name}: ${percent(i.raw.y)}` } } },
      },
    }));
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
  const names = [...new Set(outcome.rungs.flatMap(rung => rung.rows.map(row => row.name)))], box = section("Successive halving", true);
  const rounds = outcome.rungs.map((rung, i) => `round ${i + 1}: ${rung.rows.length} × ${rung.epochs} epoch${rung.epochs === 1 ? "" : "s"}`), of = name => outcome.rungs.map(rung => finite(rung.rows.find(row => row.name === name)?.validation?.mean));
  const spent = `${outcome.epochs} of ${outcome.grid_epochs} epochs of the full grid (${(100 * outcome.epochs / outcome.grid_epochs).toFixed(1)} %)`;
  chart(box, `${metric} of ${names.length} combinations on the validation data after each of ${rounds.length} rounds, ${spent}.`, [["combination", ...rounds], names.map(name => [name, ...of(name).map(v => percent(v))])], names.map((name, i) => [i, name]), () => ({
    type: "line",
    data: { labels: rounds, datasets: names.map((name, i) => ({ label: name, data: of(name), borderColor: hue(i), backgroundColor: hue(i), pointStyle: shape(i), pointRadius: 4, borderWidth: 2 })) },
    options: { scales: { y: { title: { display: true, text: `${metric} on the validation data, percent` } }, x: { offset: true } }, plugins: { tooltip: { callbacks: { label: i => `${i.dataset.label}: ${percent(i.raw)}` } } } },
  }));
  element("p", `${spent}. Each round trains anew, and only the better combinations go on.`, box, "note");
}

function making() {
  const box = section("How it was made", true), recipes = Object.keys(data.recipes);
  if (result.command) element("pre", result.command, box, "command");
  if (recipes.length > 0) {
    const part = more(box, "Recipes"), choice = element("select", null, element("div", null, part)), text = element("pre", null, part);
    choice.ariaLabel = "Row";
    text.tabIndex = 0;
    for (const name of recipes) element("option", name, choice).selected = name === result.best;
    const show = () => { text.textContent = JSON.stringify(data.recipes[choice.value], null, 2); };
    choice.addEventListener("change", show);
    show();
  }
  element("pre", JSON.stringify(result.environment, null, 2), more(box, "Environment")).tabIndex = 0;
}

scores();
table();
if (result.halving) halving(result.halving);
if (sweeps) sweep();
against(`${capital(metric)} against size`, "trainable parameters", row => row.trainable_parameters, true);
if (!sweeps) against(`${capital(metric)} against time`, "seconds an epoch", row => row.seconds_per_epoch, false);
const validated = rows.some(row => row.trials.some(trial => trial.epochs.some(epoch => finite(epoch.validation_top1) !== null)));
const ofEpoch = epoch => validated ? epoch[data.multi_label ? "validation_map" : "validation_top1"] : epoch.train_top1;
for (const [name, part] of groups(rows, row => sweeps ? group(row) : "")) {
  const titled = text => name ? `${name}: ${text}` : capital(text);
  curves(titled(`${validated ? `validation ${metric}` : "training top-1"} by epoch`), "percent", part, ofEpoch);
  curves(titled("training loss by epoch"), "loss", part, epoch => epoch.train_loss);
}
making();
finish();
