// The servers of the outside machine of a host in a box, as one process started in its namespace:
// a name server and a web site that tells each client the address that it was seen with.
import dgram from 'node:dgram';
import http from 'node:http';
import dnsPacket from 'dns-packet';

const [, , address, ...names] = process.argv;
const zone = new Map(names.map((name) => [name, address]));

const nameServer = dgram.createSocket('udp4');
nameServer.on('message', (message, client) => {
  const query = dnsPacket.decode(message);
  const question = query.questions?.[0];
  if (question === undefined) return;
  const known = zone.get(question.name.toLowerCase());
  const answers =
    known !== undefined && question.type === 'A'
      ? [{ type: 'A', name: question.name, ttl: 60, data: known }]
      : [];
  const flags = dnsPacket.RECURSION_AVAILABLE | dnsPacket.RECURSION_DESIRED | (known === undefined ? 3 : 0);
  const reply = { type: 'response', id: query.id, flags, questions: query.questions, answers };
  process.stdout.write(`asked ${question.type} ${question.name}\n`);
  nameServer.send(dnsPacket.encode(reply), client.port, client.address);
});

const site = http.createServer((request, response) => {
  response.setHeader('Server', 'outside');
  response.end(`${request.socket.remoteAddress}\n`);
});

const echo = dgram.createSocket('udp4');
echo.on('message', (message, client) =>
  echo.send(`${client.address} ${message}`, client.port, client.address),
);

nameServer.bind(53, address, () =>
  echo.bind(7, address, () => site.listen(80, address, () => process.stdout.write('ready\n'))),
);
