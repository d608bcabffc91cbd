'use strict';
const $ = id => document.getElementById(id);
const mostMaps = 12;      // each map is a pass of its own
let tasks = [], picture = null, asked = 0, tab = 'curl';

const headers = type => {
  const all = type ? { 'Content-Type': type } : {};
  if ($('key').value) all.Authorization = `Bearer ${$('key').value}`;
  return all;
};

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

async function call(address, options) {
  const response = await fetch(address, options);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(body.error || `The server answered ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return body;
}

async function list() {
  try {
    const all = await call('/tasks', { headers: headers() });
    tasks = all.tasks;
    $('count').textContent = tasks.length;
    $('about').textContent = `${all.backbone}, frozen; each task is a few small layers of its own. It reads ${all.reads_clips ? 'clips' : 'pictures'}.`;
    const refused = Object.entries(all.refused);
    $('refused').hidden = refused.length === 0;
    $('refused-list').replaceChildren(...refused.map(([name, why]) => element('li', `${name}: ${why}`)));
    $('status').textContent = tasks.length ? '\u00a0' : 'There are no tasks yet: put an adapter file into the folder of tasks.';
  } catch (error) {
    if (error.status === 401 || error.status === 403) $('key-row').hidden = false;
    say(error.message, true);
    $('about').textContent = '';
  }
  showCode();
}

function say(text, bad) {
  $('status').textContent = text || '\u00a0';
  $('status').className = bad ? 'bad' : 'quiet';
}

const chosen = () => tasks.filter(task => task.name.toLowerCase().includes($('filter').value.trim().toLowerCase())).map(task => task.name);

// A long name breaks between its parts.
const breakable = name => name.replace(/([a-z])(?=[A-Z])|[_\-./](?=.)/g, '$&\u200b');

function card(answer) {
  const task = tasks.find(one => one.name === answer.task);
  const made = element('article', undefined, 'card');
  made.append(element('h3', answer.task), element('p', task ? `${task.method}, ${task.classes} classes` : '', 'method'));
  const scores = element('ol');
  for (const { label, score } of answer.classes) {
    const row = element('li'), fill = element('span', undefined, 'fill');
    fill.style.width = `${100 * score}%`;
    row.append(fill, element('span', breakable(label), 'name'), element('span', `${(100 * score).toFixed(1)} %`, 'share'));
    scores.append(row);
  }
  made.append(scores);
  return made;
}

async function attend(answers, cards, turn) {
  for (const [i, answer] of answers.slice(0, mostMaps).entries()) {
    if (turn !== asked || !$('attention').checked) return;
    try {
      const map = await call(`/attention/${encodeURIComponent(answer.task)}`, { method: 'POST', headers: headers('application/octet-stream'), body: picture });
      if (turn !== asked) return;
      const image = element('img');
      image.src = map.attention;
      image.alt = `Where ${answer.task} looks`;
      cards[i].append(image, element('p', `Attention of the last block: ${map.reader}.`, 'reader'));
    } catch (error) {
      if (turn === asked) cards[i].append(element('p', error.message, 'reader bad'));
    }
  }
}

async function ask() {
  if (!picture) return;
  const names = chosen(), turn = ++asked;
  if (names.length === 0) return say('No task has such a name.', true);
  say('Asking …');
  try {
    const query = names.length === tasks.length ? '' : `?tasks=${names.map(encodeURIComponent).join(',')}`;
    const all = await call(`/ask${query}`, { method: 'POST', headers: headers('application/octet-stream'), body: picture });
    if (turn !== asked) return;
    const cards = all.answers.map(card);
    $('answers').replaceChildren(...cards);
    say(`${all.answers.length} ${all.answers.length === 1 ? 'answer' : 'answers'} in ${all.milliseconds.toFixed(0)} ms`);
    if ($('attention').checked) await attend(all.answers, cards, turn);
  } catch (error) {
    if (turn === asked) say(error.message, true);
  }
}

function take(file) {
  if (!file) return;
  picture = file;
  const address = URL.createObjectURL(file), isClip = file.type.startsWith('video/');
  $('hint').hidden = true;
  $('picture').hidden = isClip;
  $('clip').hidden = !isClip;
  (isClip ? $('clip') : $('picture')).src = address;
  $('picture').alt = file.name || 'The picture that is asked about';
  ask();
}

const quoted = text => text.replaceAll("'", "'\\''");

function showCode() {
  const here = location.origin, name = chosen()[0] || 'TASK', key = $('key-row').hidden ? '' : 'KEY';
  const address = `${here}/models/${encodeURIComponent(name)}`;
  $('code').textContent = {
    curl: `curl --data-binary @photo.jpg ${key ? `-H 'Authorization: Bearer ${key}' ` : ''}'${quoted(address)}'\n`
      + `curl --data-binary @photo.jpg ${key ? `-H 'Authorization: Bearer ${key}' ` : ''}'${here}/ask'      # all tasks`,
    csharp: `using HttpClient client = new();\n${key ? `client.DefaultRequestHeaders.Authorization = new("Bearer", "${key}");\n` : ''}`
      + `using ByteArrayContent picture = new(File.ReadAllBytes("photo.jpg"));\n`
      + `HttpResponseMessage response = await client.PostAsync("${address}", picture);\n`
      + `Console.WriteLine(await response.Content.ReadAsStringAsync());`,
    javascript: `import { InferenceClient } from '@huggingface/inference';\n`
      + `const client = new InferenceClient('${key || 'none'}').endpoint('${address}');\n`
      + `console.log(await client.imageClassification({ data: new Blob([await readFile('photo.jpg')]) }));`,
  }[tab];
}

$('file').addEventListener('change', event => take(event.target.files[0]));
for (const kind of ['dragenter', 'dragover']) {
  $('drop').addEventListener(kind, event => { event.preventDefault(); $('drop').classList.add('over'); });
}
$('drop').addEventListener('dragleave', () => $('drop').classList.remove('over'));
$('drop').addEventListener('drop', event => { event.preventDefault(); $('drop').classList.remove('over'); take(event.dataTransfer.files[0]); });
document.addEventListener('paste', event => take([...event.clipboardData.files][0]));
$('attention').addEventListener('change', ask);
let waiting;
$('filter').addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(() => { showCode(); ask(); }, 250); });
$('key').addEventListener('change', async () => { await list(); ask(); });
for (const button of document.querySelectorAll('[data-tab]')) {
  button.addEventListener('click', () => {
    tab = button.dataset.tab;
    for (const other of document.querySelectorAll('[data-tab]')) other.setAttribute('aria-selected', other === button);
    showCode();
  });
}
$('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText($('code').textContent).catch(() => {
    const range = document.createRange();
    range.selectNodeContents($('code'));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand('copy');
  });
  $('copy').textContent = 'Copied';
  setTimeout(() => { $('copy').textContent = 'Copy'; }, 1500);
});
list();
