// Scores served tasks on folders of pictures, all at once and in random order: node accuracy.mjs URL TASK=FOLDER TASK=FOLDER ...
// A folder holds one folder for each class. Prints the share of pictures whose best class is right, as adaptformer eval does.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const [url, ...wanted] = process.argv.slice(2);
const atOnce = 16, questions = [], scores = {};
for (const [task, folder] of wanted.map(text => text.split('='))) {
  scores[task] = { right: 0, pictures: 0 };
  for (const label of await readdir(folder)) {
    for (const file of await readdir(join(folder, label))) questions.push({ task, label, path: join(folder, label, file) });
  }
}

for (let i = questions.length - 1; i > 0; i--) {
  const other = Math.floor(Math.random() * (i + 1));
  [questions[i], questions[other]] = [questions[other], questions[i]];
}

const began = performance.now(), next = questions[Symbol.iterator]();
await Promise.all(Array.from({ length: atOnce }, async () => {
  for (const { task, label, path } of next) {
    const response = await fetch(`${url}/models/${task}?top_k=1`, { method: 'POST', body: await readFile(path), headers: { 'Content-Type': 'image/*' } });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${answer.error}`);
    scores[task].pictures++;
    scores[task].right += answer[0].label === label ? 1 : 0;
  }
}));

for (const [task, { right, pictures }] of Object.entries(scores)) console.log(`${task.padEnd(28)} ${(100 * right / pictures).toFixed(2).padStart(6)} %  (${right} of ${pictures})`);
console.log(`${questions.length} questions of ${wanted.length} tasks in ${((performance.now() - began) / 1000).toFixed(1)} s`);
