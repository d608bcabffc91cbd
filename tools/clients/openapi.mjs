// Makes types of the server's OpenAPI document, checks openapi-client.ts against them, and runs it: node openapi.mjs URL TASK PICTURE
import { mkdtemp, rm, writeFile, copyFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const [url, task, picture] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url)), folder = await mkdtemp(join(tmpdir(), 'adaptformer-openapi-'));
try {
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await symlink(join(here, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'server.d.ts'), astToString(await openapiTS(new URL('/openapi/v1.json', url))));
  await copyFile(join(here, 'openapi-client.ts'), join(folder, 'client.ts'));
  const program = ts.createProgram([join(folder, 'client.ts')], {
    strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, skipLibCheck: true, types: [],
  });
  const faults = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  if (faults.length > 0) {
    console.error(ts.formatDiagnostics(faults, { getCanonicalFileName: name => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' }));
    process.exitCode = 1;
  } else {
    const { run } = await import(pathToFileURL(join(folder, 'client.js')));
    console.log(JSON.stringify(await run(url, task, picture)));
  }
} finally {
  await rm(folder, { recursive: true });
}
