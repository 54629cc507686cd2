// The echo server of ws: prints its port, ends with its standard input.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 64 << 20,
  perMessageDeflate: true,
  maxPendingAutoPongs: 0,
  handleProtocols: (offered) => (offered.has('echo') ? 'echo' : false),
});
server.on('listening', () => console.log(server.address().port));
server.on('connection', (ws, request) => {
  ws.on('error', () => {});
  const close = request.url.match(/^\/close\/(\d+)$/);
  if (close) {
    ws.close(Number(close[1]), 'as asked');
    return;
  }
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
});
process.stdin.resume().on('end', () => process.exit(0));
