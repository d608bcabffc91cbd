const names = data.classes, epochs = data.epochs;
const either = value => value !== null && value !== undefined;

function lines(title, unit, series) {
  const shown = series.filter(s => s.values.some(either));
  if (shown.length === 0) return;
  const ends = s => { const all = s.values.filter(either); return `${s.name} from ${short(all[0])} to ${short(all.at(-1))}`; };
  chart(section(title), `${title} in ${epochs.length} epochs, ${unit}: ${shown.map(ends).join("; ")}.`,
    [["epoch", ...shown.map(s => s.name)], epochs.map((e, i) => [e.epoch, ...shown.map(s => short(s.values[i]))])], shown.map((s, i) => [i, s.name]), () => ({
      type: "line",
      data: {
        labels: epochs.map(e => e.epoch),
        datasets: shown.map((s, i) => ({ label: s.name, data: s.values, borderColor: hue(i), backgroundColor: hue(i), pointStyle: shape(i), pointRadius: epochs.length > 40 ? 0 : 3, borderWidth: 2, spanGaps: true })),
      },
      options: {
        scales: { x: { title: { display: true, text: "epoch" } }, y: { title: { display: true, text: unit } } },
        interaction: { mode: "index", intersect: false },
      },
    }));
}

function curves() {
  const of = name => epochs.map(e => finite(e[name]));
  if (epochs.length === 1) {
    const columns = [["epoch", "epoch"], ["training loss", "train_loss"], ["validation loss", "validation_loss"], ["training top-1", "train_top1"], ["validation top-1", "validation_top1"],
      ["validation mAP", "validation_map"], ["learning rate", "lr"], ["pictures a second", "images_per_s"]].filter(([, name]) => either(epochs[0][name]));
    grid(section("The epoch", true), columns.map(([title]) => title), [columns.map(([, name]) => short(epochs[0][name]))], { caption: "The figures of the only epoch" });
    return;
  }
  lines("Loss", data.multi_label ? "binary cross-entropy" : "cross-entropy", [{ name: "training", values: of("train_loss") }, { name: "validation", values: of("validation_loss") }]);
  lines("Mean average precision", "mAP in percent", [{ name: "validation", values: of("validation_map") }]);
  lines("Right answers", "top-1 in percent", [{ name: "training, augmented", values: of("train_top1") }, { name: "validation", values: of("validation_top1") }]);
  lines("Learning rate", "at the end of the epoch", [{ name: "learning rate", values: of("lr") }]);
  lines("Speed", "pictures a second", [{ name: "training", values: of("images_per_s") }]);
}

// What each process did with the time of all epochs; the others wait for the one that works longest.
function processes() {
  const all = epochs.filter(e => e.ranks).flatMap(e => e.ranks), by = new Map();
  for (const time of all) {
    const sum = by.get(time.rank) ?? { host: time.host, loading: 0, computing: 0, waiting: 0 };
    for (const part of ["loading", "computing", "waiting"]) sum[part] += time[part];
    by.set(time.rank, sum);
  }
  if (by.size < 2) return;
  const share = (part, sum) => { const total = sum.loading + sum.computing + sum.waiting; return `${sum[part].toFixed(1)} s (${Math.round(100 * sum[part] / total)} %)`; };
  grid(section("Time by process", true), ["process", "machine", "loading", "computing", "waiting for others"],
    [...by].sort(([a], [b]) => a - b).map(([rank, sum]) => [`rank ${rank}`, sum.host, share("loading", sum), share("computing", sum), share("waiting", sum)]),
    { caption: "What each process did with the training time of all epochs" });
}

// The matrix shows every class, or those with most mistakes and the rest as one column; the list beside it says the same in words.
function confusion(test) {
  const most = 15, counts = new Map(test.confusion.map(([label, answer, count]) => [label * names.length + answer, count])), totals = new Map(), wrong = new Map();
  const add = (map, key, n) => map.set(key, (map.get(key) ?? 0) + n), count = (label, answer) => counts.get(label * names.length + answer) ?? 0;
  for (const [label, answer, n] of test.confusion) {
    add(totals, label, n);
    if (answer !== label) for (const k of [label, answer]) add(wrong, k, n);
  }
  const occurring = [...new Set(test.confusion.flatMap(([label, answer]) => [label, answer]))].sort((a, b) => a - b);
  const shown = (occurring.length <= most ? occurring : [...occurring].sort((a, b) => (wrong.get(b) ?? 0) - (wrong.get(a) ?? 0)).slice(0, most)).sort((a, b) => a - b);
  const part = shown.length < occurring.length, box = section("Confusion", true), long = shown.length > 11 || shown.some(k => names[k].length > 24);
  const pair = element("div", null, box, long ? "pair stacked" : "pair"), matrix = element("div", null, pair);
  const numbered = (i, text) => cell => {
    const both = element("div", null, cell);
    element("span", `${i + 1} `, both, "number");
    breakable(text, element("span", null, both));
  };
  const tinted = (n, of, tint) => cell => {
    cell.textContent = n || "";
    cell.className = n ? "" : "none";
    if (!n) element("span", "0", cell, "hidden");
    cell.style.setProperty("--share", n ? 0.1 + 0.9 * n / of : 0);
    cell.style.setProperty("--tint", `var(--${tint})`);
  };
  const columns = ["", ...shown.map((k, i) => cell => { cell.textContent = i + 1; cell.title = names[k]; element("span", ` ${names[k]}`, cell, "hidden"); }), ...(part ? ["other"] : [])];
  grid(matrix, columns, shown.map((k, i) => {
    const total = totals.get(k) ?? 0, others = total - shown.reduce((sum, c) => sum + count(k, c), 0);
    return [numbered(i, names[k]), ...shown.map(c => tinted(count(k, c), total, c === k ? "right" : "wrong")), ...(part ? [tinted(others, total, "wrong")] : [])];
  }), { className: "matrix", whole: true, caption: "How often each class (rows) was answered as each class (columns)" });
  element("p", `Rows are the right classes, columns the answers under the same numbers${part ? `; of ${occurring.length} classes, the ${shown.length} with most mistakes` : ""}.`, matrix, "note");

  const mistakes = test.confusion.filter(([label, answer]) => label !== answer).sort((a, b) => b[2] - a[2]), list = element("div", null, pair);
  if (mistakes.length === 0) element("p", "No answer was wrong.", list);
  else {
    element("h3", mistakes.length > 12 ? `The 12 most frequent of ${mistakes.length} kinds of mistake` : "All mistakes", list);
    const all = element("ol", null, list, "mistakes");
    for (const [label, answer, n] of mistakes.slice(0, 12)) {
      const line = element("li", null, all), text = element("span", names[label], line);
      element("i", " answered as ", text);
      text.append(names[answer]);
      element("span", `${n} of ${totals.get(label)}`, line);
    }
  }
  if (test.unreadable > 0) element("p", `${test.unreadable} items could not be read; they count as wrong and are left out here.`, box, "note");
}

// One line for each class, the worst first.
function classes() {
  const precision = new Map((data.multi_label?.classes ?? []).map(c => [c.class, c])), rows = data.metrics.filter(c => finite(c.precision) !== null);
  const first = data.multi_label ? c => precision.get(c.class)?.average_precision : c => c.recall;
  rows.sort((a, b) => (first(a) ?? 101) - (first(b) ?? 101));
  const auc = rows.some(c => finite(c.auc) !== null), values = data.multi_label ? ["precision", "recall", "f1"] : ["precision", "f1"], all = [...values, ...(auc ? ["auc"] : [])];
  const box = section(data.multi_label ? "Average precision by class" : "Right answers by class", true), few = rows.slice(0, 25);
  const titles = ["class", data.multi_label ? "average precision" : "right answers (recall)", ...all.map(name => name === "f1" ? "F1" : name === "auc" ? "AUC" : name), "items", "answers"];
  const line = c => [names[c.class], bar(first(c)), ...all.map(name => percent(c[name])), c.items, c.answered];
  const mean = of => { const known = rows.map(of).filter(v => finite(v) !== null); return known.length ? known.reduce((a, b) => a + b) / known.length : null; };
  const foot = ["mean of classes", bar(data.multi_label ? data.multi_label.map : mean(first)), ...all.map(name => percent(mean(c => c[name]))), "", ""];
  grid(box, titles, few.map(line), { whole: true, foot, caption: few.length < rows.length ? `The ${few.length} lowest of ${rows.length} classes; the means are of all.` : "All classes, the lowest first", shown: few.length < rows.length });
  if (few.length < rows.length) grid(more(box, `All ${rows.length} classes`), titles, rows.map(line), { caption: "All classes, the lowest first" });
  const says = [];
  if (data.multi_label) says.push(`Mean over all classes ${percent(data.multi_label.map)} in the definition of ASL, ${percent(data.multi_label.map_sklearn)} in that of scikit-learn.`);
  if (auc) says.push("AUC: how often an item of the class has a higher score for it than an item of another.");
  element("p", says.join(" "), box, "note");
}

function calibration(test) {
  const bins = test.calibration.map((b, i) => ({ ...b, step: `${10 * i} to ${10 * i + 10} %` })).filter(b => b.count > 0), most = Math.max(...bins.map(b => b.count));
  const box = section("Calibration");
  chart(box, `Share of right answers against confidence; expected calibration error ${(100 * test.calibration_error).toFixed(1)} points.`,
    [["confidence", "answers", "mean confidence", "right"], bins.map(b => [b.step, b.count, percent(100 * b.confidence, 1), percent(100 * b.right, 1)])], [[0, "share that was right"], ["╌", "as confident as right"]], () => ({
      type: "line",
      data: {
        datasets: [
          { label: "share that was right", data: bins.map(b => ({ x: b.confidence, y: b.right, n: b.count })), borderColor: hue(0), backgroundColor: hue(0), clip: 12, pointRadius: bins.map(b => 3 + 6 * Math.sqrt(b.count / most)) },
          { label: "as confident as right", data: [{ x: 0, y: 0 }, { x: 1, y: 1 }], borderColor: colour("soft"), backgroundColor: colour("soft"), borderDash: [4, 4], pointRadius: 0 },
        ],
      },
      options: {
        parsing: false,
        scales: { x: { type: "linear", min: 0, max: 1, title: { display: true, text: "confidence" } }, y: { min: 0, max: 1, title: { display: true, text: "right" } } },
        plugins: { tooltip: { callbacks: { label: i => i.raw.n ? `${i.raw.n} answers: confidence ${i.raw.x.toFixed(2)}, right ${i.raw.y.toFixed(2)}` : "" } } },
      },
    }), "plane");
  element("p", `Expected calibration error ${(100 * test.calibration_error).toFixed(1)} points over ten steps of confidence; a dot's size shows how many answers it stands for.`, box, "note");
}

// How many items of each class lie in the plane, and how many of them beside one of their own class.
function neighbours(points) {
  const rows = new Map();
  points.labels.forEach((label, i) => {
    let least = Infinity, at = -1;
    for (let j = 0; j < points.labels.length; j++) {
      const d = (points.x[i] - points.x[j]) ** 2 + (points.y[i] - points.y[j]) ** 2;
      if (j !== i && d < least) [least, at] = [d, j];
    }
    const row = rows.get(label) ?? [0, 0];
    rows.set(label, [row[0] + 1, row[1] + (points.labels[at] === label ? 1 : 0)]);
  });
  return rows;
}

function map(points) {
  const box = section("Features in the plane (t-SNE)"), shown = [...new Set(points.labels)].sort((a, b) => a - b), near = neighbours(points);
  const beside = [...near.values()].reduce((sum, [, n]) => sum + n, 0), by = points.by_answer ? "the model's answer" : data.multi_label ? "the first of their classes" : "class";
  const says = `${points.labels.length} of ${points.of} items by their features, coloured by ${by}: ${percent(100 * beside / points.labels.length, 0)} lie next to an item of the same colour.`;
  chart(box, says, [["class", "items", "next to one of the same"], shown.map(k => [names[k] ?? "none", near.get(k)[0], percent(100 * near.get(k)[1] / near.get(k)[0], 0)])], shown.map((k, i) => [i, names[k] ?? "none"]), () => ({
    type: "scatter",
    data: {
      datasets: shown.map((label, i) => ({
        label: names[label] ?? "none", data: points.x.map((x, j) => ({ x, y: points.y[j] })).filter((_, j) => points.labels[j] === label), backgroundColor: hue(i), borderColor: hue(i), pointStyle: shape(i), pointRadius: 3.5,
      })),
    },
    options: {
      scales: { x: { display: false }, y: { display: false } },
      plugins: { tooltip: { callbacks: { label: i => i.dataset.label } } },
    },
  }), "plane");
  element("p", `${says} Distances between far groups mean nothing.`, box, "note");
}

function samples(list) {
  const box = section("Some answers", true), all = element("div", null, box, "samples");
  for (const sample of list) {
    const figure = element("figure", null, all, `${sample.right ? "" : "wrong"}${sample.frames > 1 ? " strip" : ""}`);
    if (sample.picture) {
      const image = element("img", null, figure);
      image.src = sample.picture;
      image.alt = `${sample.label}, answered as ${sample.answer}`;
      image.title = sample.source;
    }
    const caption = element("figcaption", null, figure);
    element("b", sample.right ? "✓ " : "✗ ", caption);
    caption.append(`${sample.answer}, ${percent(100 * sample.confidence, 0)}`);
    if (sample.label !== sample.answer) element("div", `is: ${sample.label || "none of the classes"}`, caption, "truth");
  }
}

function attention(list) {
  const box = section("Where the model looks", true), all = element("div", null, box, "looks");
  const picture = (parent, address, caption, className, mark) => {
    const figure = element("figure", null, parent, className), image = element("img", null, figure), text = element("figcaption", null, figure);
    image.onload = () => { if (image.naturalWidth > 1.5 * image.naturalHeight) parent.classList.add("strips"); };
    image.src = address;
    image.alt = caption;
    if (mark) element("b", mark, text);
    text.append(caption);
  };
  for (const item of list) {
    const row = element("article", null, all), known = either(item.label), right = known && item.label.split(", ").includes(item.answer);
    const words = `${item.answer}, ${percent(100 * item.confidence, 0)}` + (known && item.label !== item.answer ? `; is: ${item.label || "none of the classes"}` : "");
    const maps = element("div", null, row, "maps");
    picture(maps, item.picture, words, known ? (right ? "right" : "wrong") : "", known ? (right ? "✓ " : "✗ ") : "");
    picture(maps, item.mean, "last block, mean of the heads");
    if (item.rollout) picture(maps, item.rollout, "rollout through all blocks");
    const heads = element("div", null, more(row, `${item.heads.length} heads of the last block`), "heads");
    item.heads.forEach((head, i) => picture(heads, head, `head ${i + 1}`));
    element("p", item.source, row, "note");
  }
  const note = element("p", `Shown is ${list[0].reader}, from least`, box, "note");
  element("span", null, note, "scale");
  note.append(`to most of each map.${list[0].rollout ? "" : " Rollout is not defined where attention is confined to windows."}`);
}

function making() {
  const box = section("How it was made", true);
  element("pre", data.command, box, "command");
  for (const [title, part] of [["Recipe", data.recipe], ["Environment", data.environment]])
    if (part) element("pre", JSON.stringify(part, null, 2), more(box, title)).tabIndex = 0;
}

if (data.attention.length > 0) attention(data.attention);
if (epochs.length > 0) curves();
processes();
if (data.test && data.test.confusion.length > 0) confusion(data.test);
if (data.metrics.some(c => finite(c.precision) !== null)) classes();
if (data.test && data.test.calibration.some(b => b.count > 0)) calibration(data.test);
if (data.map) map(data.map);
if (data.samples.length > 0) samples(data.samples);
making();
finish();
