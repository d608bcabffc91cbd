function lines(title, unit, series) {
  const shown = series.filter(s => s.values.some(v => v !== null && v !== undefined));
  if (shown.length === 0) return;
  chart(section(title), {
    type: "line",
    data: {
      labels: data.epochs.map(e => e.epoch),
      datasets: shown.map((s, i) => ({ label: s.name, data: s.values, borderColor: hues[i], backgroundColor: hues[i], pointRadius: data.epochs.length > 40 ? 0 : 2, borderWidth: 2, spanGaps: true })),
    },
    options: { scales: { x: { title: { display: true, text: "epoch" } }, y: { title: { display: true, text: unit } } }, interaction: { mode: "index", intersect: false } },
  });
}

if (data.epochs.length > 0) {
  const of = name => data.epochs.map(e => e[name]);
  lines("Loss", data.multi_label ? "training loss, binary cross-entropy" : "cross-entropy", [{ name: "training", values: of("train_loss") }, { name: "validation", values: of("validation_loss") }]);
  lines("Mean average precision", "mAP in percent", [{ name: "validation", values: of("validation_map") }]);
  lines("Right answers", "top-1 in percent", [{ name: "training, augmented", values: of("train_top1") }, { name: "validation", values: of("validation_top1") }]);
  lines("Learning rate", "at the end of the epoch", [{ name: "learning rate", values: of("lr") }]);
  lines("Speed", "pictures a second", [{ name: "training", values: of("images_per_s") }]);
}

function confusion(test) {
  const k = data.classes.length, counts = new Map(), totals = new Array(k).fill(0);
  for (const [label, answer, count] of test.confusion) {
    counts.set(label * k + answer, count);
    totals[label] += count;
  }
  const box = section("Confusion");
  const place = element("div", null, box, "square"), canvas = element("canvas", null, place);
  const names = k <= 20, margin = names ? 110 : 20, size = 680;
  canvas.width = canvas.height = size;
  const g = canvas.getContext("2d"), cell = (size - margin) / k;
  g.font = "15px system-ui, sans-serif";
  for (let r = 0; r < k; r++) {
    for (let c = 0; c < k; c++) {
      const share = totals[r] ? (counts.get(r * k + c) || 0) / totals[r] : 0;
      g.globalAlpha = 1;
      g.fillStyle = colour("line");
      g.fillRect(margin + c * cell, r * cell, cell - 1, cell - 1);
      g.globalAlpha = share;
      g.fillStyle = colour(r === c ? "right" : "wrong");
      g.fillRect(margin + c * cell, r * cell, cell - 1, cell - 1);
    }
  }
  g.globalAlpha = 1;
  g.fillStyle = colour("soft");
  if (names) {
    g.textBaseline = "middle";
    for (let r = 0; r < k; r++) {
      g.textAlign = "right";
      g.fillText(data.classes[r], margin - 6, (r + 0.5) * cell, margin - 8);
      g.save();
      g.translate(margin + (r + 0.5) * cell, k * cell + 6);
      g.rotate(-Math.PI / 2);
      g.fillText(data.classes[r], 0, 0, margin - 8);
      g.restore();
    }
  }
  const note = element("p", "Rows are the right classes, columns the answers. Point at a cell for its count.", box, "note");
  canvas.addEventListener("mousemove", event => {
    const area = canvas.getBoundingClientRect();
    const c = Math.floor(((event.clientX - area.left) / area.width * size - margin) / cell), r = Math.floor((event.clientY - area.top) / area.height * size / cell);
    if (c < 0 || r < 0 || c >= k || r >= k) return;
    note.textContent = `${data.classes[r]} answered as ${data.classes[c]}: ${counts.get(r * k + c) || 0} of ${totals[r]}`;
  });

  const perClass = data.classes.map((name, i) => ({ name, total: totals[i], right: totals[i] ? 100 * (counts.get(i * k + i) || 0) / totals[i] : null }))
    .filter(c => c.total > 0).sort((a, b) => a.right - b.right);
  const worst = perClass.slice(0, 20);
  const bars = section(perClass.length > 20 ? "Right answers by class, the 20 lowest" : "Right answers by class");
  chart(bars, {
    type: "bar",
    data: { labels: worst.map(c => c.name), datasets: [{ data: worst.map(c => c.right), backgroundColor: colour("accent") }] },
    options: { indexAxis: "y", plugins: { legend: { display: false }, tooltip: { callbacks: { label: i => `${percent(i.raw)} of ${worst[i.dataIndex].total}` } } }, scales: { x: { min: 0, max: 100 }, y: { ticks: { autoSkip: false } } } },
  });
}

function metrics(list) {
  const known = list.filter(c => c.precision !== null), box = section("Precision, recall, F1 and AUC by class", true);
  const made = element("table", null, element("div", null, box, "scroll")), head = element("tr", null, element("thead", null, made));
  for (const title of ["class", "items", "answers", "precision", "recall", "F1", "AUC"]) element("th", title, head);
  const body = element("tbody", null, made), value = v => v === null || v === undefined ? "–" : percent(v);
  for (const one of known) {
    const row = element("tr", null, body);
    for (const text of [data.classes[one.class], one.items, one.answered, value(one.precision), value(one.recall), value(one.f1), value(one.auc)]) element("td", text, row);
  }
  const mean = name => { const all = known.map(c => c[name]).filter(v => v !== null); return all.length ? all.reduce((a, b) => a + b) / all.length : null; };
  const last = element("tr", null, element("tfoot", null, made));
  for (const text of ["mean of classes", "", "", ...["precision", "recall", "f1", "auc"].map(name => value(mean(name)))]) element("td", text, last);
  element("p", "AUC: how often an item of the class has a higher score for it than an item of another.", box, "note");
}

function precision(many) {
  const known = many.classes.filter(c => c.items > 0).sort((a, b) => a.average_precision - b.average_precision), shown = known.slice(0, 40);
  const box = section(known.length > shown.length ? `Average precision by class, the ${shown.length} lowest` : "Average precision by class");
  const place = element("div", null, box, "chart");
  place.style.height = `${4 + 1.3 * shown.length}rem`;
  new Chart(element("canvas", null, place), {
    type: "bar",
    data: { labels: shown.map(c => data.classes[c.class]), datasets: [{ data: shown.map(c => c.average_precision), backgroundColor: colour("accent") }] },
    options: { indexAxis: "y", plugins: { legend: { display: false }, tooltip: { callbacks: { label: i => `${percent(i.raw)}, ${shown[i.dataIndex].items} items` } } }, scales: { x: { min: 0, max: 100 }, y: { ticks: { autoSkip: false } } } },
  });
  element("p", `Mean over all classes ${percent(many.map)} in the definition of ASL, ${percent(many.map_sklearn)} in that of scikit-learn.`, box, "note");
}

function calibration(test) {
  const bins = test.calibration.filter(b => b.count > 0);
  const box = section("Calibration");
  chart(box, {
    type: "line",
    data: {
      datasets: [
        { label: "share that was right", data: bins.map(b => ({ x: b.confidence, y: b.right, n: b.count })), borderColor: hues[0], backgroundColor: hues[0], pointRadius: bins.map(b => 3 + 6 * Math.sqrt(b.count / Math.max(...bins.map(o => o.count)))) },
        { label: "as confident as right", data: [{ x: 0, y: 0 }, { x: 1, y: 1 }], borderColor: colour("soft"), borderDash: [4, 4], pointRadius: 0 },
      ],
    },
    options: { parsing: false, scales: { x: { type: "linear", min: 0, max: 1, title: { display: true, text: "confidence" } }, y: { min: 0, max: 1, title: { display: true, text: "right" } } }, plugins: { tooltip: { callbacks: { label: i => i.raw.n ? `${i.raw.n} answers: confidence ${i.raw.x.toFixed(2)}, right ${i.raw.y.toFixed(2)}` : "" } } } },
  });
  element("p", `Expected calibration error ${(100 * test.calibration_error).toFixed(1)} points over ten steps of confidence; a dot's size shows how many answers it stands for.`, box, "note");
}

function map(points) {
  const box = section("Features in the plane (t-SNE)");
  const shown = [...new Set(points.labels)].sort((a, b) => a - b);
  chart(box, {
    type: "scatter",
    data: { datasets: shown.map((label, i) => ({ label: data.classes[label] ?? "none", data: points.x.map((x, j) => ({ x, y: points.y[j] })).filter((_, j) => points.labels[j] === label), backgroundColor: `hsl(${Math.round(360 * i / shown.length)} 60% ${i % 2 ? 45 : 60}%)`, pointRadius: 3 })) },
    options: { scales: { x: { display: false }, y: { display: false } }, plugins: { legend: { display: shown.length <= 12, labels: { boxWidth: 10 } }, tooltip: { callbacks: { label: i => i.dataset.label } } } },
  }, "square");
  const by = points.by_answer ? "the model's answer" : data.multi_label ? "the first of their classes" : "class";
  element("p", `${points.labels.length} of ${points.of} items, coloured by ${by}. Distances between far groups mean nothing.`, box, "note");
}

function samples(list) {
  const box = section("Some answers", true), grid = element("div", null, box, "samples");
  for (const sample of list) {
    const figure = element("figure", null, grid, `${sample.right ? "" : "wrong"}${sample.frames > 1 ? " strip" : ""}`);
    if (sample.picture) {
      const image = element("img", null, figure);
      image.src = sample.picture;
      image.alt = `${sample.label}, answered as ${sample.answer}`;
      image.title = sample.source;
    }
    const caption = element("figcaption", null, figure);
    element("div", `${sample.answer} ${percent(100 * sample.confidence, 0)}`, caption);
    if (sample.label !== sample.answer) element("div", `is: ${sample.label}`, caption, "truth");
  }
}

function attention(list) {
  const box = section("Where the model looks", true), all = element("div", null, box, "looks");
  const picture = (parent, address, caption, className) => {
    const figure = element("figure", null, parent, className), image = element("img", null, figure);
    image.onload = () => { if (image.naturalWidth > 1.5 * image.naturalHeight) parent.classList.add("strips"); };
    image.src = address;
    image.alt = caption;
    element("figcaption", caption, figure);
  };
  for (const item of list) {
    const row = element("article", null, all), known = item.label !== null && item.label !== undefined;
    const words = `${item.answer} ${percent(100 * item.confidence, 0)}` + (known && item.label !== item.answer ? `, is: ${item.label || "none of the classes"}` : "");
    const maps = element("div", null, row, "maps");
    picture(maps, item.picture, words, known ? (item.label.split(", ").includes(item.answer) ? "right" : "wrong") : "");
    picture(maps, item.mean, "last block, mean of the heads");
    if (item.rollout) picture(maps, item.rollout, "rollout through all blocks");
    const heads = element("details", null, row);
    element("summary", `${item.heads.length} heads of the last block`, heads);
    const grid = element("div", null, heads, "heads");
    item.heads.forEach((head, i) => picture(grid, head, `head ${i + 1}`));
    element("p", item.source, row, "note");
  }
  element("p", `Shown is ${list[0].reader}, from dark (least) to light (most) of each map.${list[0].rollout ? "" : " Rollout is not defined where attention is confined to windows."}`, box, "note");
}

if (data.test) {
  if (data.classes.length <= 200) confusion(data.test);
  calibration(data.test);
}
if (data.multi_label) precision(data.multi_label);
if (data.metrics.some(c => c.precision !== null)) metrics(data.metrics);
if (data.map) map(data.map);
if (data.attention.length > 0) attention(data.attention);
if (data.samples.length > 0) samples(data.samples);
element("pre", data.command, section("The command", true));
if (data.recipe) element("pre", JSON.stringify(data.recipe, null, 2), section("Recipe"));
if (data.environment) element("pre", JSON.stringify(data.environment, null, 2), section("Environment", !data.recipe));
