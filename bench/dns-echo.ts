import { createSocket } from 'node:dgram';

// Runs in the namespace of a container: makes each query an answer without content, which is the least that a name server
// in Node does.
const [, , address = '', port = ''] = process.argv;
const socket = createSocket('udp4');
socket.on('message', (message, from) => {
  // The bit QR of the header (RFC 1035 section 4.1.1).
  message.writeUInt8(message.readUInt8(2) | 0x80, 2);
  socket.send(message, from.port, from.address);
});
socket.bind(Number(port), address, () => {
  process.stdout.write('listening\n');
});
