import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { frame } from './frames.js';
import { RCODE, TYPE } from './message.js';
import { headerBytes, optBytes, queryBytes, recordBytes } from './mutate.fixture.js';
import { answerTo, askTcp, askUdp, rcodeOf } from './upstream.fixture.js';
import { GOOD, pause, useWatched } from './watched.fixture.js';

const watched = useWatched();

describe('names that are no names of hosts (netavark 1.15: one with a space ended the server)', () => {
  const label = (text: string) => Buffer.concat([Buffer.of(Buffer.byteLength(text)), Buffer.from(text)]);
  const wire = (...labels: string[]) => Buffer.concat([...labels.map(label), Buffer.of(0)]);
  it.each([
    ['a space', wire('my web')],
    ['a dot within a label', wire('c1.front')],
    ['a star', wire('*')],
    ['a leading -', wire('-rf')],
    ['UTF-8', wire('büro', '☃')],
    ['a NUL', wire('c1\0')],
    ['a line feed', wire('c1\nnameserver 203.0.113.6')],
    ['quotes and backslashes', wire('"\\$(id)`')],
    ['63 bytes', wire('x'.repeat(63))],
    ['64 labels', wire(...Array<string>(64).fill('a'))],
    ['127 labels', wire(...Array<string>(127).fill('a'))],
    ['bytes that are no text', Buffer.concat([Buffer.of(4, 0xff, 0xfe, 0x80, 0xc0), Buffer.of(0)])],
  ])('%s', async (_what, name) => {
    const answer = await watched.answers(queryBytes(name));
    expect([RCODE.NXDOMAIN, RCODE.NOERROR]).toContain(rcodeOf(answer));
    // The question is repeated byte by byte.
    expect(answer.subarray(12, 12 + name.length)).toEqual(name);
    for (const message of watched.serving.leaked)
      expect(message.subarray(12, 12 + name.length)).toEqual(name);
    await watched.expectAlive();
  });
});

describe('messages that are no queries', () => {
  const name = GOOD.subarray(12, -4);
  const tail = Buffer.of(0, 1, 0, 1);
  const header = (...counts: number[]) => headerBytes(0x0bad, 0x0100, counts);
  const question = Buffer.concat([name, tail]);
  const opt = optBytes({ size: 1232 });
  it.each([
    ['a pointer to itself', Buffer.concat([header(1, 0, 0, 0), Buffer.of(0xc0, 12), tail])],
    ['pointers to each other', Buffer.concat([header(1, 0, 0, 0), Buffer.of(0xc0, 14, 0xc0, 12), tail])],
    ['a label and a pointer to it', Buffer.concat([header(1, 0, 0, 0), Buffer.of(1, 0x61, 0xc0, 12), tail])],
    ['a pointer into the header', Buffer.concat([header(1, 0, 0, 0), Buffer.of(0xc0, 0), tail])],
    ['a pointer past the end', Buffer.concat([header(1, 0, 0, 0), Buffer.of(0xff, 0xff), tail])],
    [
      'a label of 64 bytes',
      Buffer.concat([header(1, 0, 0, 0), Buffer.of(64), Buffer.alloc(64, 0x61), Buffer.of(0), tail]),
    ],
    [
      'a name of 256 bytes',
      Buffer.concat([header(1, 0, 0, 0), ...Array<Buffer>(127).fill(Buffer.of(1, 0x61)), Buffer.of(1), tail]),
    ],
    ['a name without an end', Buffer.concat([header(1, 0, 0, 0), name.subarray(0, -1)])],
    ['no question', header(0, 0, 0, 0)],
    ['no question, says its header', Buffer.concat([header(0, 0, 0, 0), question])],
    ['two questions', Buffer.concat([header(2, 0, 0, 0), question, question])],
    ['65,535 questions', Buffer.concat([header(0xffff, 0, 0, 0), question])],
    ['65,535 of everything', Buffer.concat([header(0xffff, 0xffff, 0xffff, 0xffff), question])],
    ['more records than there are', Buffer.concat([header(1, 0xffff, 0xffff, 0xffff), question])],
    ['two OPT records', Buffer.concat([header(1, 0, 0, 2), question, opt, opt])],
    [
      'an OPT record that has a name',
      Buffer.concat([header(1, 0, 0, 1), question, recordBytes(name, TYPE.OPT, 1232, 0, Buffer.alloc(0))]),
    ],
    ['half an OPT record', Buffer.concat([header(1, 0, 0, 1), question, opt.subarray(0, -3)])],
    ['bytes after it', Buffer.concat([GOOD, Buffer.from('and more')])],
  ])('%s: FORMERR', async (_what, message) => {
    expect(rcodeOf(await watched.answers(message))).toBe(RCODE.FORMERR);
    expect(watched.serving.leaked).toEqual([]);
    await watched.expectAlive();
  });

  it('an EDNS version that is not spoken: BADVERS, and which is', async () => {
    for (const version of [1, 2, 255]) {
      const answer = await watched.answers(queryBytes('c1', { opt: { version } }));
      expect(rcodeOf(answer)).toBe(0);
      expect(decode(answer).additionals).toMatchObject([{ type: 'OPT', extendedRcode: 1, ednsVersion: 0 }]);
    }
  });

  it('an OPT record that is not the last: it counts', async () => {
    const other = recordBytes(Buffer.of(0), 250, 255, 0, Buffer.alloc(16));
    const message = Buffer.concat([
      header(1, 0, 0, 3),
      queryBytes('all').subarray(12),
      other,
      optBytes({ size: 4096 }),
      other,
    ]);
    const { answer } = await askUdp(watched.serving.port, message);
    expect(decode(answer)).toMatchObject({ flag_tc: false, additionals: [{ type: 'OPT' }] });
    expect(decode(answer).answers).toHaveLength(200);
  });

  it('zone transfers and classes of others: REFUSED; other operations: NOTIMP', async () => {
    for (const type of [TYPE.AXFR, TYPE.IXFR]) {
      for (const asked of ['c1', 'front', 'example.com', '.']) {
        expect(rcodeOf(await watched.answers(queryBytes(asked, { type })))).toBe(RCODE.REFUSED);
      }
    }
    expect(rcodeOf(await watched.answers(queryBytes('version.bind', { type: 16, class: 3 })))).toBe(
      RCODE.REFUSED,
    );
    for (const opcode of [1, 2, 4, 5, 15]) {
      expect(rcodeOf(await watched.answers(queryBytes('c1', { flags: opcode << 11 })))).toBe(RCODE.NOTIMP);
    }
    expect(watched.serving.leaked).toEqual([]);
  });

  it('an answer, or less than a header: silence', async () => {
    const socket = createSocket('udp4');
    watched.opened.add(() => socket.close());
    const got: number[] = [];
    socket.on('message', (answer) => got.push(answer.readUInt16BE(0)));
    const messages = [
      answerTo(GOOD),
      queryBytes('c1', { flags: 0x8000 }),
      Buffer.alloc(0),
      Buffer.alloc(11),
      GOOD.subarray(0, 2),
    ];
    for (const message of [...messages, GOOD]) socket.send(message, watched.serving.port, '127.0.0.1');
    await once(socket, 'message');
    await pause(50);
    expect(got).toEqual([0x0c01]);
    expect(watched.serving.state.counters.malformed).toBe(messages.length);
  });

  it('65,535 bytes over TCP: the connection ends, and nothing is kept', async () => {
    const memory = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 20; index++) {
      const socket = await watched.client();
      socket.write(frame(Buffer.concat([GOOD, Buffer.alloc(65_535 - GOOD.length)])));
      // A reset, since bytes are left unread.
      if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(8 * 1024 * 1024);
    const most = Buffer.concat([
      header(1, 0, 0, 1),
      question,
      recordBytes(Buffer.of(0), 250, 1, 0, Buffer.alloc(4000)),
    ]);
    expect(rcodeOf((await askTcp(watched.serving.port, most)).answer)).toBe(RCODE.NOERROR);
    await watched.expectAlive();
  });
});
