// Speaks the Open Inference Protocol over gRPC with a .proto file: node grpc.mjs ADDRESS PROTO TASK PICTURE
// Prints as JSON: the server's state, the answers to two copies of the picture, and the code of a task that is not there.
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, proto, task, picture] = process.argv.slice(2);
const definition = await loader.load(proto, { keepCase: true, longs: Number, defaults: true });
const { inference } = grpc.loadPackageDefinition(definition);
const client = new inference.GRPCInferenceService(address, grpc.credentials.createInsecure());
const call = (name, request) => promisify(client[name].bind(client))(request);

const bytes = await readFile(picture);
const length = Buffer.alloc(4);
length.writeInt32LE(bytes.length);
const infer = name => call('ModelInfer', {
  model_name: name, id: 'one', inputs: [{ name: 'image', datatype: 'BYTES', shape: [2] }], raw_input_contents: [Buffer.concat([length, bytes, length, bytes])],
});

const { ready } = await call('ServerReady', {});
const metadata = await call('ModelMetadata', { name: task });
const answer = await infer(task);
const outputs = Object.fromEntries(answer.outputs.map((output, i) => {
  const raw = answer.raw_output_contents[i];
  return [output.name, output.datatype === 'FP32'
    ? Array.from({ length: raw.length / 4 }, (_, k) => raw.readFloatLE(4 * k)) : raw.subarray(4, 4 + raw.readInt32LE(0)).toString()];
}));
let code = 0;
try {
  await infer('nobody');
} catch (error) {
  code = error.code;
}

console.log(JSON.stringify({ ready, inputs: metadata.inputs.map(input => input.name), id: answer.id, shape: answer.outputs[0].shape, outputs, code }));
client.close();
