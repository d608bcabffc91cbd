// A client with the types of the server's own document: a name or a type that the document does not have fails to compile.
import createClient from 'openapi-fetch';
import type { paths } from './server.js';

declare const process: { getBuiltinModule(name: 'fs'): { readFileSync(path: string): Uint8Array<ArrayBuffer> } };

export async function run(url: string, task: string, picture: string) {
  const client = createClient<paths>({ baseUrl: url });
  const tasks = await client.GET('/tasks');
  const bytes = process.getBuiltinModule('fs').readFileSync(picture);
  const answer = await client.POST('/models/{task}', {
    params: { path: { task } }, body: new Blob([bytes]) as never, bodySerializer: body => body as unknown as Blob, headers: { 'Content-Type': 'application/octet-stream' },
  });
  const infer = await client.POST('/v2/models/{task}/infer', {
    params: { path: { task } },
    body: { inputs: [{ name: 'image', datatype: 'BYTES', shape: [1], data: [btoa(String.fromCharCode(...bytes))] }] },
  });
  const missing = await client.GET('/v2/models/{task}', { params: { path: { task: 'nobody' } } });
  const best: { label: string; score: number } | undefined = answer.data?.[0];
  const reason: string | undefined = missing.error?.error;
  return { tasks: tasks.data?.tasks.map(one => one.name), best, shape: infer.data?.outputs[0]?.shape, status: missing.response.status, reason };
}
