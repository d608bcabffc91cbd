// A crowd of connections that hardly say anything, and one honest client beside them: node crowd.mjs HOST PORT TASK PICTURE [COUNT]
// A third of them send nothing, a third a header a byte at a time, a third promise a body and send a byte of it at a time. Prints what became of them.
import net from 'node:net';
import { readFile } from 'node:fs/promises';

const [host, port, task, picture, count = 10000] = process.argv.slice(2);
const slowly = 2000, honest = 20, header = `POST /models/${task} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5000\r\n\r\n`;
const fate = { opened: 0, refused: 0, closed: 0 }, answers = {}, sockets = [];
await new Promise(done => {
  let settled = 0;
  for (let i = 0; i < count; i++) {
    const socket = net.connect(port, host);
    const settle = () => { if (++settled === +count) done(); };
    sockets.push(socket);
    socket.once('connect', () => { fate.opened++; settle(); });
    socket.on('error', () => { if (socket.connecting) { fate.refused++; settle(); } });
    socket.on('data', data => { const status = `${data}`.slice(9, 12); answers[status] = (answers[status] ?? 0) + 1; });
    socket.on('close', () => fate.closed++);
    socket.text = i % 3 === 0 ? '' : i % 3 === 1 ? header.slice(0, 40) + 'X-Slow: '.padEnd(2000, 'a') : header.padEnd(2000, 'a');
    socket.at = i % 3 === 2 ? header.length : 0;
    socket.once('connect', () => socket.write(socket.text.slice(0, socket.at)));
  }
});
console.log(`${fate.opened} connections opened, ${fate.refused} refused`);
const trickle = setInterval(() => {
  for (const socket of sockets) if (socket.writable && socket.at < socket.text.length) socket.write(socket.text[socket.at++]);
}, slowly);
const body = await readFile(picture), times = [], statuses = {};
for (let i = 0; i < honest; i++) {
  const began = performance.now();
  try {
    const response = await fetch(`http://${host}:${port}/models/${task}?top_k=1`, { method: 'POST', body, headers: { 'Content-Type': 'image/*' } });
    await response.arrayBuffer();
    statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    times.push(performance.now() - began);
  } catch (error) {
    statuses[error.cause?.code ?? error.message] = (statuses[error.cause?.code ?? error.message] ?? 0) + 1;
  }

  await new Promise(wake => setTimeout(wake, slowly));
}

clearInterval(trickle);
times.sort((a, b) => a - b);
console.log(`the honest client: ${JSON.stringify(statuses)}, median ${times[times.length >> 1]?.toFixed(0)} ms, most ${times.at(-1)?.toFixed(0)} ms`);
console.log(`of the crowd ${fate.closed} were closed by the server; it answered ${JSON.stringify(answers)}`);
for (const socket of sockets) socket.destroy();
