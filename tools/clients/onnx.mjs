// Runs exported files in onnxruntime-node: node onnx.mjs < CASES
// Reads a JSON line for each case, { file, input, type, shape, data }, data being the numbers' bytes as base64 and type float32 or uint8, and prints the
// outputs of each as a JSON line: their names and numbers.
import { createInterface } from 'node:readline';
import ort from 'onnxruntime-node';

for await (const line of createInterface({ input: process.stdin })) {
  const { file, input, type, shape, data } = JSON.parse(line);
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  const numbers = type === 'uint8' ? bytes : new Float32Array(bytes.buffer);
  const answers = await session.run({ [input]: new ort.Tensor(type, numbers, shape) });
  console.log(JSON.stringify(Object.fromEntries(Object.entries(answers).map(([name, tensor]) => [name, Array.from(tensor.data)]))));
  await session.release();
}
