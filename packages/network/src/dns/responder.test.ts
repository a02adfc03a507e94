import {
  decode,
  encode,
  RECURSION_DESIRED,
  type DecodedPacket,
  type Packet,
  type Question,
} from 'dns-packet';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_TCP_SIZE, MAX_UDP_SIZE } from './message.js';
import { Records } from './records.js';
import { FORWARD, Responder, SILENCE } from './responder.js';
import { SandboxState } from './sandbox-state.js';

const out = Buffer.alloc(MAX_TCP_SIZE);
let records: Records;
let responder: Responder;
let state: SandboxState;

beforeEach(() => {
  records = new Records();
  responder = new Responder(records);
  state = new SandboxState('s0', [], true);
  const network = { networkId: 'n1', networkName: 'front' };
  for (let index = 0; index < 300; index++) {
    const ipv4 = `10.1.${String(index >> 8)}.${String(index & 255)}`;
    const sandboxId = `s${String(index)}`;
    const names = index < 40 ? [`c${String(index)}`, 'forty', 'many'] : [`c${String(index)}`, 'many'];
    const ipv6 = index === 1 ? { ipv6: 'fd00::1' } : {};
    records.set({ ...network, endpointId: `e${String(index)}`, sandboxId, names, ipv4, ...ipv6 });
  }
});

function query(question: Partial<Question>, more: Packet = {}): Buffer {
  const asked: Question = { name: 'c1', type: 'A', ...question };
  return encode({ type: 'query', id: 4711, flags: RECURSION_DESIRED, questions: [asked], ...more });
}

function opt(udpPayloadSize: number, flags = 0): Packet {
  return {
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize,
        extendedRcode: 0,
        ednsVersion: 0,
        flags,
        flag_do: flags !== 0,
        options: [],
      },
    ],
  };
}

function answer(message: Buffer, udp = true) {
  const length = responder.respond(state, message, out, udp ? MAX_UDP_SIZE : MAX_TCP_SIZE, udp);
  if (length === FORWARD || length === SILENCE) throw new Error(`no answer here: ${String(length)}`);
  const bytes = Buffer.from(out.subarray(0, length));
  const packet = decode(bytes) as DecodedPacket & { rcode: string };
  const data = (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
  return { ...packet, bytes, data };
}

describe('answers from the records', () => {
  it('A, with the name as asked', () => {
    const reply = answer(query({ name: 'C1' }));
    expect(reply).toMatchObject({
      id: 4711,
      type: 'response',
      rcode: 'NOERROR',
      flag_ra: true,
      flag_rd: true,
    });
    expect(reply.answers).toMatchObject([{ name: 'C1', type: 'A', ttl: 600, class: 'IN', data: '10.1.0.1' }]);
    expect(reply.bytes.length).toBe(query({}).length + 16);
  });

  it('AAAA, PTR, and nothing where there is nothing', () => {
    expect(answer(query({ type: 'AAAA' })).data).toEqual(['fd00::1']);
    expect(answer(query({ name: '5.0.1.10.in-addr.arpa', type: 'PTR' })).data).toEqual(['c5.front']);
    const six = `1.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`;
    expect(answer(query({ name: six, type: 'PTR' })).data).toEqual(['c1.front']);
    for (const type of ['AAAA', 'MX', 'SRV', 'TXT', 'PTR', 'NS', 'SOA'] as const) {
      expect(answer(query({ name: 'c2.FRONT', type }))).toMatchObject({ rcode: 'NOERROR', data: [] });
    }
    expect(answer(query({ name: 'c1', type: 'ANY' as 'A' })).data).toEqual(['10.1.0.1', 'fd00::1']);
  });

  it('NXDOMAIN for an unknown single label; the rest is for upstream', () => {
    expect(answer(query({ name: 'nobody' })).rcode).toBe('NXDOMAIN');
    expect(answer(query({ name: 'nobody', type: 'TXT' })).rcode).toBe('NXDOMAIN');
    for (const name of ['example.com', 'nobody.front', '9.9.9.10.in-addr.arpa', '.']) {
      expect(responder.respond(state, query({ name }), out, MAX_UDP_SIZE, true)).toBe(FORWARD);
    }
    state.forwarding = false;
    expect(answer(query({ name: 'example.com' })).rcode).toBe('SERVFAIL');
    expect(answer(query({ name: 'nobody' })).rcode).toBe('NXDOMAIN');
    expect(answer(query({})).data).toEqual(['10.1.0.1']);
    expect(state.counters).toMatchObject({ asked: 9, answeredHere: 4, refused: 1 });
  });

  it('all addresses, the first one in turn', () => {
    const firsts = Array.from({ length: 40 }, () => answer(query({ name: 'forty' }, opt(4096))).data);
    expect(firsts[0]).toHaveLength(40);
    expect(new Set(firsts.map(([first]) => first)).size).toBe(40);
    for (const data of firsts) expect(new Set(data).size).toBe(40);
  });

  it('cuts to whole records within the size that the client takes', () => {
    const question = query({ name: 'forty' }).length;
    for (const size of [0, 512, 513, 600, 700, 1232]) {
      const edns = size === 0 ? {} : opt(size);
      const reply = answer(query({ name: 'forty' }, edns));
      const room = Math.max(size, 512) - question - (size === 0 ? 0 : 11);
      const fitting = Math.min(40, Math.floor(room / 16));
      expect(reply.data).toHaveLength(fitting);
      expect(reply.flag_tc).toBe(fitting < 40);
      expect(reply.bytes.length).toBeLessThanOrEqual(Math.max(size, 512));
    }
    const tcp = answer(query({ name: 'many' }), false);
    expect(tcp.data).toHaveLength(300);
    expect(tcp.flag_tc).toBe(false);
    expect(answer(query({ name: 'many' }, opt(65_535))).bytes.length).toBeLessThanOrEqual(MAX_UDP_SIZE);
  });

  it('speaks EDNS with who does', () => {
    expect(answer(query({})).additionals).toEqual([]);
    expect(answer(query({}, opt(1232, 0x8000))).additionals).toMatchObject([
      { type: 'OPT', name: '.', udpPayloadSize: 4096, ednsVersion: 0, flag_do: true },
    ]);
    const newer = query({}, opt(1232));
    newer[newer.length - 5] = 1;
    expect(answer(newer).additionals).toMatchObject([{ extendedRcode: 1 }]);
  });

  it('refuses other kinds of questions', () => {
    const update = query({});
    update.writeUInt16BE(0x2800, 2);
    expect(answer(update).rcode).toBe('NOTIMP');
    expect(answer(query({ class: 'CH' })).rcode).toBe('REFUSED');
    expect(answer(query({ type: 'AXFR' })).rcode).toBe('REFUSED');
  });

  it('says FORMERR or nothing to what is malformed', () => {
    const none = query({}, { questions: [] });
    expect(answer(none)).toMatchObject({ rcode: 'FORMERR', questions: [] });
    const two = query(
      {},
      {
        questions: [
          { name: 'a', type: 'A' },
          { name: 'b', type: 'A' },
        ],
      },
    );
    expect(answer(two).rcode).toBe('FORMERR');
    const pointer = Buffer.concat([query({}).subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
    expect(answer(pointer).rcode).toBe('FORMERR');
    expect(answer(Buffer.concat([query({}), Buffer.of(0)])).rcode).toBe('FORMERR');
    const response = query({});
    response.writeUInt16BE(0x8100, 2);
    for (const silent of [Buffer.alloc(0), query({}).subarray(0, 11), response]) {
      expect(responder.respond(state, silent, out, MAX_UDP_SIZE, true)).toBe(SILENCE);
    }
  });
});
