"use strict";
// What the pages of runs and of experiments share.
const data = JSON.parse(document.getElementById("data").textContent);
const style = getComputedStyle(document.documentElement);
const colour = name => style.getPropertyValue("--" + name).trim();
const hues = ["#2563b8", "#d9782d", "#2f9e5f", "#b8437a", "#7a57c2", "#1697a6", "#a6841f", "#c94b3c", "#5b7c99", "#6aa02c"];
const percent = (x, digits = 2) => x === null || x === undefined ? "–" : x.toFixed(digits) + " %";

Chart.defaults.color = colour("soft");
Chart.defaults.borderColor = colour("line");
Chart.defaults.font.family = "system-ui, sans-serif";
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;

const element = (tag, text, parent, className) => {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  if (className) made.className = className;
  if (parent) parent.append(made);
  return made;
};

const section = (title, wide) => {
  const made = element("section", null, document.getElementById("main"), wide ? "wide" : "");
  element("h2", title, made);
  return made;
};

const chart = (parent, config, className = "chart") => new Chart(element("canvas", null, element("div", null, parent, className)), config);

for (const fact of data.facts) {
  const box = element("div", null, document.getElementById("facts"));
  element("dt", fact.name, box);
  element("dd", fact.value, box);
}
