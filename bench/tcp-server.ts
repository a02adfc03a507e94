import { createServer } from 'node:net';

// Runs in the namespace of a container: takes every connection, and sends back what comes.
const [, , port = ''] = process.argv;
const server = createServer({ noDelay: true }, (socket) => {
  // The client ends connections by a reset: see tcp-client.ts.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => socket.write(chunk));
});
server.listen({ port: Number(port), host: '0.0.0.0', backlog: 1024 }, () => {
  process.stdout.write('listening\n');
});
