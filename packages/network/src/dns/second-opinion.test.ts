import { execFile } from 'node:child_process';
import { rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decode, type Answer } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryBytes } from './mutate.fixture.js';
import { frontEndpoint, frontRecords } from './soak.fixture.js';
import { Opened, answerTo, askTcp, askUdp, fakeUpstream, serve, type Serving } from './upstream.fixture.js';

const run = promisify(execFile);
const TYPES = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  HTTPS: 65,
  ANY: 255,
  CAA: 257,
};
type TypeName = keyof typeof TYPES;

/** A question, and what is to be answered. */
interface Row {
  readonly name: string;
  readonly type: TypeName;
  readonly tcp?: boolean;
  /** Bytes that the client says it takes; without it, no EDNS. */
  readonly size?: number;
  readonly status?: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL';
  /** Data of the records, in any order; type and data where there are several types. */
  readonly data?: readonly string[];
  /** How many records are left of those, TC saying so. */
  readonly left?: number;
  readonly ttl?: number;
}

/** What there is to compare of an answer. */
interface View {
  readonly status: string;
  readonly flags: string;
  readonly question: string;
  readonly edns: boolean;
  readonly size: number;
  /** `name ttl class type data` of each record, sorted. */
  readonly records: readonly string[];
}

const opened = new Opened();
const v4 = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `10.0.0.${String(from + index)}`);
const ALL_V6 = Array.from({ length: 99 }, (_, index) => `fd00::${(index + 1).toString(16)}`);
const REVERSE_V6 = `3.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`;
const NOTHING: readonly TypeName[] = ['NS', 'SOA', 'MX', 'TXT', 'SRV', 'HTTPS', 'CAA', 'PTR'];

/** Every kind of answer that there is. What fits is reckoned by hand: 12 + 9 bytes, 16 (28) a record, 11 for OPT. */
const rows: readonly Row[] = [
  { name: 'c3', type: 'A', data: ['10.0.0.3'] },
  { name: 'C3.Front', type: 'A', data: ['10.0.0.3'] },
  { name: 'c3', type: 'AAAA', data: ['fd00::3'] },
  { name: 'c150', type: 'AAAA', data: [] },
  { name: 'c3', type: 'ANY', tcp: true, data: ['A 10.0.0.3', 'AAAA fd00::3'] },
  { name: '3.0.0.10.in-addr.arpa', type: 'PTR', data: ['c3.front.'] },
  { name: REVERSE_V6, type: 'PTR', data: ['c3.front.'] },
  { name: '3.0.0.10.in-addr.arpa', type: 'A', data: [] },
  ...NOTHING.map((type) => ({ name: 'c3', type, data: [] })),
  { name: 'six', type: 'A', data: [] },
  { name: 'six', type: 'AAAA', data: ['2001:db8::6'] },
  { name: 'Friend', type: 'A', data: ['10.0.0.7'] },
  { name: 'host.docker.internal', type: 'A', data: ['10.0.0.254'] },
  { name: 'host.containers.internal', type: 'AAAA', data: [] },
  ...(['A', 'AAAA', 'MX', 'TXT'] as const).map((type) => ({
    name: 'nobody',
    type,
    status: 'NXDOMAIN' as const,
  })),
  { name: 'fails.example.com', type: 'A', status: 'SERVFAIL' },
  { name: 'www.example.com', type: 'A', data: ['192.0.2.7'], ttl: 60 },
  { name: 'forty', type: 'A', data: v4(1, 40), left: 30 },
  { name: 'forty', type: 'A', data: v4(1, 40), size: 1232 },
  { name: 'all', type: 'A', data: v4(1, 200), left: 30 },
  { name: 'all', type: 'A', data: v4(1, 200), size: 512, left: 30 },
  { name: 'all', type: 'A', data: v4(1, 200), size: 1232, left: 75 },
  { name: 'all', type: 'A', data: v4(1, 200), size: 4096 },
  { name: 'all', type: 'A', data: v4(1, 200), tcp: true },
  { name: 'all', type: 'AAAA', data: ALL_V6, left: 17 },
  { name: 'all', type: 'AAAA', data: ALL_V6, size: 1232, left: 42 },
  { name: 'all', type: 'AAAA', data: ALL_V6, size: 4096 },
  { name: 'all', type: 'AAAA', data: ALL_V6, tcp: true, size: 1232 },
];

let serving: Serving;

beforeAll(async () => {
  const records = frontRecords();
  const network = { networkId: 'n1', networkName: 'front' };
  for (let index = 1; index <= 40; index++) {
    const endpoint = frontEndpoint(index);
    const links = index === 1 ? { links: { friend: 'c7' } } : {};
    records.set({ ...endpoint, names: [...endpoint.names, 'forty'], ...links });
  }
  records.set({ ...network, endpointId: 'six', sandboxId: 'six', names: ['six'], ipv6: '2001:db8::6' });
  const upstream = await fakeUpstream(opened, (query, reply) => {
    reply(answerTo(query, query.includes('fails') ? { flags: 0x8182, addresses: [] } : {}));
  });
  serving = await serve(opened, [upstream], { records });
  serving.state.host = { ipv4: '10.0.0.254' };
});

afterAll(() => opened.close());

function expected({
  name,
  type,
  tcp,
  size,
  status = 'NOERROR',
  data = [],
  left,
  ttl = 600,
}: Row): Omit<View, 'size'> {
  const line = (text: string) => `${name}. ${ttl} IN ${text.includes(' ') ? text : `${type} ${text}`}`;
  return {
    status,
    flags: left !== undefined && tcp !== true ? 'qr tc rd ra' : 'qr rd ra',
    question: `${name}. IN ${type}`,
    edns: size !== undefined,
    records: data.map(line).sort(),
  };
}

/** What is right of a view, given that not all records may be there. */
function check(view: View, row: Row): void {
  const { records, ...rest } = expected(row);
  expect(view, row.name).toMatchObject(rest);
  if (row.left === undefined) expect(view.records).toEqual(records);
  else {
    expect(view.records).toHaveLength(row.left);
    expect(new Set(view.records).size).toBe(row.left);
    expect(records).toEqual(expect.arrayContaining([...view.records]));
  }
  if (row.tcp !== true) expect(view.size).toBeLessThanOrEqual(row.size ?? 512);
}

/** The answer as dns-packet reads it. */
async function throughPacket({ name, type, tcp, size }: Row): Promise<View> {
  const opt = size === undefined ? {} : { opt: { size } };
  const query = queryBytes(name, { id: 0x5ec0, type: TYPES[type], ...opt });
  const { answer } = await (tcp === true ? askTcp : askUdp)(serving.port, query);
  const packet = decode(answer) as ReturnType<typeof decode> & { rcode: string };
  expect(packet).toMatchObject({ id: 0x5ec0, type: 'response', opcode: 'QUERY', authorities: [] });
  const [question] = packet.questions ?? [];
  const record = (answered: Answer) => {
    const text = 'data' in answered ? (answered.data as string) : '';
    const line = [
      `${answered.name}.`,
      'ttl' in answered ? answered.ttl : '',
      'class' in answered ? answered.class : '',
    ];
    return [...line, answered.type, answered.type === 'PTR' ? `${text}.` : text].join(' ');
  };
  const flags = Object.entries({
    qr: packet.flag_qr,
    aa: packet.flag_aa,
    tc: packet.flag_tc,
    rd: packet.flag_rd,
    ra: packet.flag_ra,
  });
  return {
    status: packet.rcode,
    flags: flags.flatMap(([flag, set]) => (set ? [flag] : [])).join(' '),
    question: `${question?.name ?? ''}. ${question?.class ?? ''} ${question?.type ?? ''}`,
    edns: (packet.additionals ?? []).some((additional) => additional.type === 'OPT'),
    size: answer.length,
    records: (packet.answers ?? []).map(record).sort(),
  };
}

/** The answers as dig prints them, asked by one process. */
async function throughDig(asked: readonly Row[], tcp: boolean): Promise<View[]> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-dig-'));
  const file = join(folder, 'queries');
  const lines = asked.map(({ name, type, size }) => {
    const edns = size === undefined ? '+noedns' : `+bufsize=${size}`;
    return `${edns} ${name} ${type === 'HTTPS' ? 'TYPE65' : type}`;
  });
  writeFileSync(file, `${lines.join('\n')}\n`);
  try {
    const how = [tcp ? '+tcp' : '+notcp', '+tries=1', '+nocookie', '+noadflag', '+ignore'];
    const { stdout } = await run('dig', ['@127.0.0.1', '-p', String(serving.port), ...how, '-f', file]);
    return stdout
      .split(/^; <<>> DiG/m)
      .slice(1)
      .map(viewOfDig);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function viewOfDig(text: string): View {
  const words = (line: string) => line.trim().replace(/^;/, '').split(/\s+/).join(' ');
  const lines = text.split('\n');
  const question = lines[lines.findIndex((line) => line.startsWith(';; QUESTION')) + 1] ?? '';
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? text,
    flags: /flags: ([a-z ]+);/.exec(text)?.[1] ?? '',
    question: words(question).replace(/TYPE65$/, 'HTTPS'),
    edns: text.includes('; EDNS: version: 0'),
    size: Number(/MSG SIZE +rcvd: (\d+)/.exec(text)?.[1]),
    records: lines
      .filter((line) => /^[^;\s]/.test(line) && !line.startsWith('1.') && line.includes('IN'))
      .map(words)
      .sort(),
  };
}

describe('answers, as others read them', () => {
  it.each(rows)('dns-packet: $name $type (size $size, TCP $tcp)', async (row) => {
    const view = await throughPacket(row);
    // A name for type 65 is not in its list.
    check(row.type === 'HTTPS' ? { ...view, question: `${row.name}. IN HTTPS` } : view, row);
  });

  it.each([false, true])('dig: the same, and not a byte more (TCP %s)', async (tcp) => {
    const asked = rows.filter((row) => (row.tcp ?? false) === tcp);
    const views = await throughDig(asked, tcp);
    expect(views).toHaveLength(asked.length);
    for (const [index, row] of asked.entries()) {
      const view = views[index];
      if (view === undefined) throw new Error('dig says nothing');
      check(view, row);
      expect(view.size).toBe((await throughPacket(row)).size);
    }
  });

  it('dig asks over TCP for what was cut, and gets all of it', async () => {
    const { stdout } = await run('dig', [
      '@127.0.0.1',
      '-p',
      String(serving.port),
      '+noedns',
      '+short',
      'all',
    ]);
    expect(stdout.trim().split('\n').sort()).toEqual([...v4(1, 200)].sort());
    const { stdout: long } = await run('dig', ['@127.0.0.1', '-p', String(serving.port), '+noedns', 'all']);
    expect(long).toContain('Truncated, retrying in TCP mode');
  });

  it('take turns: each of 200 addresses comes first once in 200 answers, also where 30 fit', async () => {
    for (const size of [undefined, 1232, 4096]) {
      const firsts = new Set<string>();
      for (let index = 0; index < 200; index++) {
        const opt = size === undefined ? {} : { opt: { size } };
        const { answer } = await askUdp(serving.port, queryBytes('all', opt));
        const [first] = decode(answer).answers ?? [];
        if (first?.type === 'A') firsts.add(first.data);
      }
      expect(firsts.size).toBe(200);
    }
  });
});
