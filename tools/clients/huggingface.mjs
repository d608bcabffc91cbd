// Asks a task as programs for Hugging Face's inference endpoints do: node huggingface.mjs URL TASK PICTURE [KEY]
// Prints the classes as JSON, and then what the client makes of a task that is not there.
import { readFile } from 'node:fs/promises';
import { InferenceClient } from '@huggingface/inference';

const [url, task, picture, key = 'none'] = process.argv.slice(2);
const data = new Blob([await readFile(picture)]);
const ask = name => new InferenceClient(key).endpoint(`${url}/models/${name}`).imageClassification({ data });

console.log(JSON.stringify(await ask(task)));
try {
  await ask('nobody');
  process.exit(1);
} catch (error) {
  console.log(JSON.stringify({ name: error.constructor.name, message: error.message }));
}
