// Echoes with permessage-deflate, by ws of npm: what it is told to listen or to dial, one
// connection at a time, with the command's settings. A ping goes before every echo, and an echo
// of more than 2 bytes comes in three frames if the settings say so.
import { createRequire } from 'node:module';
import readline from 'node:readline';

const { WebSocket, WebSocketServer } = createRequire(process.env.PEERS_NODE)('ws');

function emit(event, fields) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n');
}

function options(settings) {
  return {
    serverNoContextTakeover: settings.server_no_context_takeover,
    clientNoContextTakeover: settings.client_no_context_takeover,
    serverMaxWindowBits: settings.server_max_window_bits,
    clientMaxWindowBits: settings.client_max_window_bits,
    threshold: 0,
  };
}

function echo(ws, { fragments }) {
  ws.on('message', (data, binary) => {
    ws.ping('between');
    if (fragments && data.length > 2) {
      const third = Math.floor(data.length / 3);
      ws.send(data.subarray(0, third), { binary, fin: false });
      ws.send(data.subarray(third, 2 * third), { binary, fin: false });
      data = data.subarray(2 * third);
    }
    ws.send(data, { binary });
  });
  ws.on('close', (code, reason) => emit('close', { code, reason: reason.toString() }));
  ws.on('error', (error) => console.error(error));
}

const commands = {
  listen({ settings }) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: options(settings) });
    server.on('listening', () => emit('listening', { port: server.address().port }));
    server.on('connection', (ws) => echo(ws, settings));
  },
  dial({ url, settings }) {
    // Without a number or true, ws is not to offer client_max_window_bits.
    const perMessageDeflate = { ...options(settings), clientMaxWindowBits: settings.client_max_window_bits ?? false };
    echo(new WebSocket(url, { perMessageDeflate }), settings);
  },
};

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on('close', () => process.exit(0));
