// A name server of one answer: for each name that is asked it gives ADDRESS, and says so on standard output.
// Started in a namespace of a test: `node name-server-process.mjs LISTEN ADDRESS`.
import dgram from 'node:dgram';
import dnsPacket from 'dns-packet';

const [, , listen, address] = process.argv;
const socket = dgram.createSocket('udp4');
socket.on('message', (message, client) => {
  const { id, questions = [] } = dnsPacket.decode(message);
  const [question] = questions;
  if (question === undefined) return;
  const answers = question.type === 'A' ? [{ type: 'A', name: question.name, ttl: 60, data: address }] : [];
  const flags = dnsPacket.RECURSION_AVAILABLE | dnsPacket.RECURSION_DESIRED;
  process.stdout.write(`asked ${question.type} ${question.name} by ${client.address}\n`);
  socket.send(
    dnsPacket.encode({ type: 'response', id, flags, questions, answers }),
    client.port,
    client.address,
  );
});
socket.bind(53, listen, () => process.stdout.write('ready\n'));
