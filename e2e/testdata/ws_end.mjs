// One end of a connection, by ws of npm: a client ("client"), or a server ("listen" [CERT KEY]).
// Commands come in as lines of JSON, events go out. "data" and "parts" are base64; a command's
// data is to be repeated "times". Of a message an event tells size and SHA-256.
// The process ends when its standard input does.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import readline from 'node:readline';

const { WebSocket, WebSocketServer } = createRequire(process.env.PEERS_NODE)('ws');

let conn; // the connection of the moment

function emit(event, fields) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n');
}

function attach(ws) {
  conn = ws;
  ws.on('message', (data, isBinary) =>
    emit('message', {
      type: isBinary ? 'binary' : 'text',
      size: data.length,
      sum: createHash('sha256').update(data).digest('hex'),
    }));
  ws.on('ping', (data) => emit('ping', { data: data.toString('base64') }));
  ws.on('pong', (data) => emit('pong', { data: data.toString('base64') }));
  ws.on('close', (code, reason) => emit('close', { code, reason: reason.toString() }));
  ws.on('error', (error) => console.error(error));
}

function listen(cert, key) {
  const server = cert
    ? https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
    : http.createServer();
  const wss = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has('chat.v1') ? 'chat.v1' : false),
  });
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nX-Reason: asked for\r\nContent-Length: 8\r\n\r\nno entry');
      return;
    }
    wss.handleUpgrade(request, socket, head, (ws) => {
      attach(ws);
      emit('open', { subprotocol: ws.protocol });
    });
  });
  server.listen(0, '127.0.0.1', () => emit('listening', { port: server.address().port }));
}

function repeated(data, times) {
  const unit = Buffer.from(data ?? '', 'base64');
  return Buffer.alloc(unit.length * times, unit);
}

const commands = {
  dial({ url, subprotocols, ca }) {
    const ws = new WebSocket(url, subprotocols ?? [], ca && { ca: fs.readFileSync(ca) });
    ws.on('open', () => emit('open', { subprotocol: ws.protocol }));
    ws.on('unexpected-response', (request, response) => {
      emit('refused', { status: response.statusCode });
      request.destroy();
      ws.removeAllListeners('close'); // it was never open
    });
    attach(ws);
  },
  send({ type, data, times, parts }) {
    const frames = parts ? parts.map((part) => Buffer.from(part, 'base64')) : [repeated(data, times)];
    frames.forEach((frame, i) =>
      conn.send(frame, { binary: type === 'binary', fin: i === frames.length - 1 }));
  },
  ping({ data, times }) {
    conn.ping(repeated(data, times));
  },
  close({ code, reason }) {
    conn.close(code, reason);
  },
};

const [mode, ...files] = process.argv.slice(2);
if (mode === 'listen') listen(...files);
readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on('close', () => process.exit(0));
