// The echo client of ws: connects to the URL given, and ends when the connection does.
import { WebSocket } from 'ws';

const ws = new WebSocket(process.argv[2]);
ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
ws.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
