import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributeReader, AttributeWriter, messages } from './index.js';

type Value =
  | { readonly kind: 'u8' | 'u16' | 'u32' | 'i32'; readonly type: number; readonly value: number }
  | { readonly kind: 'u64'; readonly type: number; readonly value: bigint }
  | { readonly kind: 'string'; readonly type: number; readonly value: string }
  | { readonly kind: 'bytes'; readonly type: number; readonly value: Uint8Array }
  | { readonly kind: 'flag'; readonly type: number }
  | { readonly kind: 'nested'; readonly type: number; readonly value: readonly Value[] };

const type = fc.integer({ min: 0, max: 0x3fff });
const { values } = fc.letrec<{ values: Value[]; value: Value }>((tie) => ({
  values: fc.array(tie('value'), { maxLength: 5 }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ kind: fc.constant('u8' as const), type, value: fc.integer({ min: 0, max: 0xff }) }),
    fc.record({ kind: fc.constant('u16' as const), type, value: fc.integer({ min: 0, max: 0xffff }) }),
    fc.record({ kind: fc.constant('u32' as const), type, value: fc.integer({ min: 0, max: 0xffffffff }) }),
    fc.record({ kind: fc.constant('i32' as const), type, value: fc.integer() }),
    fc.record({
      kind: fc.constant('u64' as const),
      type,
      value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    }),
    fc.record({
      kind: fc.constant('string' as const),
      type,
      value: fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
    }),
    fc.record({ kind: fc.constant('bytes' as const), type, value: fc.uint8Array({ maxLength: 700 }) }),
    fc.record({ kind: fc.constant('flag' as const), type }),
    fc.record({ kind: fc.constant('nested' as const), type, value: tie('values') }),
  ),
}));

function write(writer: AttributeWriter, list: readonly Value[]): AttributeWriter {
  for (const item of list) {
    if (item.kind === 'nested') writer.nested(item.type, (inner) => void write(inner, item.value));
    else if (item.kind === 'flag') writer.flag(item.type);
    else if (item.kind === 'bytes') writer.bytesOf(item.type, item.value);
    else if (item.kind === 'string') writer.string(item.type, item.value);
    else if (item.kind === 'u64') writer.u64(item.type, item.value);
    else writer[item.kind](item.type, item.value);
  }
  return writer;
}

/** Reads back what is known to have been written. */
function read(reader: AttributeReader, list: readonly Value[]): Value[] {
  const found = list.map((item): Value => {
    expect(reader.next()).toBe(true);
    const at = reader.type;
    if (item.kind === 'nested') return { kind: 'nested', type: at, value: read(reader.nested(), item.value) };
    if (item.kind === 'flag') return { kind: 'flag', type: at };
    if (item.kind === 'bytes') return { kind: 'bytes', type: at, value: new Uint8Array(reader.bytes) };
    if (item.kind === 'string') return { kind: 'string', type: at, value: reader.string() };
    if (item.kind === 'u64') return { kind: 'u64', type: at, value: reader.u64() };
    return { kind: item.kind, type: at, value: reader[item.kind]() };
  });
  expect(reader.next()).toBe(false);
  return found;
}

describe('attributes', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(values, (list) => {
        const { bytes } = write(new AttributeWriter(8), list);
        expect(bytes.length % 4).toBe(0);
        expect(read(new AttributeReader(bytes), list)).toEqual(list);
      }),
    );
  });

  it('never make the reader crash or hang, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const reader = new AttributeReader(Buffer.from(bytes));
        try {
          while (reader.next()) expect(reader.bytes.length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'internal', op: 'read netlink message' });
        }
      }),
    );
  });

  it('need no padding after the last one', () => {
    const reader = new AttributeReader(Buffer.from([5, 0, 1, 0, 9]));
    expect(reader.next()).toBe(true);
    expect(reader.u8()).toBe(9);
    expect(reader.next()).toBe(false);
  });

  it('are refused when their length lies, or is not that of the type asked for', () => {
    for (const bytes of [
      [3, 0, 1, 0],
      [9, 0, 1, 0, 9],
    ]) {
      expect(() => new AttributeReader(Buffer.from(bytes)).next()).toThrow(/malformed netlink message/);
    }
    const reader = new AttributeReader(Buffer.from([5, 0, 1, 0, 9]));
    reader.next();
    expect(() => reader.u32()).toThrow(/has 1 bytes instead of 4/);
  });

  it('are refused when they are longer than their length can say', () => {
    const tooLong = /netlink attribute 7 of \d+ bytes: it can have 65535 at most/;
    expect(() => new AttributeWriter().bytesOf(7, Buffer.alloc(0xfffc))).toThrow(tooLong);
    const half = Buffer.alloc(0x8000);
    expect(() => new AttributeWriter().nested(7, (inner) => inner.bytesOf(1, half).bytesOf(2, half))).toThrow(
      tooLong,
    );
    expect(new AttributeWriter().bytesOf(7, Buffer.alloc(0xfffb)).length).toBe(0x10000);
  });

  it('that were laid out by hand are written again as they were', () => {
    // IFLA_MTU 1500, and IFLA_LINKINFO (nested) with the kind "veth" (include/uapi/linux/if_link.h)
    const laidOut = Buffer.from('08000400dc050000' + '10001280' + '09000100' + '7665746800000000', 'hex');
    const reader = new AttributeReader(laidOut);
    const writer = new AttributeWriter(4);
    while (reader.next()) {
      const inside = reader.nested();
      if (reader.type === 4) writer.u32(4, reader.u32());
      else {
        expect(inside.next()).toBe(true);
        writer.nested(reader.type, (nested) => nested.string(inside.type, inside.string()));
      }
    }
    expect(writer.bytes).toEqual(laidOut);
  });
});

/** A message: struct nlmsghdr and `payload`, without padding behind it. */
const message = (payload: number[]): number[] => [
  16 + payload.length,
  0,
  0,
  0,
  16,
  0,
  2,
  0,
  7,
  0,
  0,
  0,
  1,
  0,
  0,
  0,
  ...payload,
];

describe('messages', () => {
  it('may have a length that is no multiple of four, in the middle and at the end', () => {
    const datagram = Buffer.from([...message([1]), 0, 0, 0, ...message([2, 3])]);
    expect([...messages(datagram)].map(({ payload }) => [...payload])).toEqual([[1], [2, 3]]);
  });

  it('are refused when they claim more than was received, or less than a header', () => {
    expect(() => [...messages(Buffer.from(message([1]).with(0, 18)))]).toThrow(/18 bytes at 0 of 17/);
    expect(() => [...messages(Buffer.from(message([1]).with(0, 15)))]).toThrow(/15 bytes/);
  });

  it('are none in what is shorter than a header', () => {
    expect([...messages(Buffer.from([1, 0, 0]))]).toEqual([]);
  });
});
