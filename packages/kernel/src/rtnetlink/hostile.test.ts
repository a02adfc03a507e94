import { isBerthError } from '@berth/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from './addresses.js';
import { parseLink } from './link-parse.js';
import { parseFdbEntry, parseNeighbour } from './neighbours.js';
import { parseRoute } from './routes.js';

/** What each message type is read by, its header's length, and the families that make it go on. */
const parsers = [
  ['links', parseLink, 16, [0]],
  ['addresses', parseAddress, 8, [2, 10]],
  ['routes', parseRoute, 12, [2, 10]],
  ['neighbours', parseNeighbour, 12, [2, 10]],
  ['forwarding entries', parseFdbEntry, 12, [7]],
] as const;

/** An attribute with a length that may lie, of a type that the parsers know. */
const attribute = fc
  .record({
    type: fc.integer({ min: 0, max: 60 }),
    lie: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: -8, max: 300 })),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .constantFrom(1, 2, 4, 8, 12, 16)
        .chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
    ),
  })
  .map(({ type, lie, payload }) => {
    const bytes = Buffer.alloc((4 + payload.length + 3) & ~3);
    bytes.writeUInt16LE(Math.max(0, 4 + payload.length + lie), 0);
    bytes.writeUInt16LE(type, 2);
    bytes.set(payload, 4);
    return bytes;
  });

describe.each(parsers)('what is read as %s', (_, parse, header, families) => {
  const read = (bytes: Buffer): void => {
    try {
      parse(bytes);
    } catch (error) {
      if (!isBerthError(error)) throw error;
      expect(error.code).toBe('internal');
    }
  };

  it('is refused when it is shorter than its header', () => {
    for (let length = 0; length < header; length++) {
      expect(() => parse(Buffer.alloc(length, families[0]))).toThrow(
        expect.objectContaining({ code: 'internal', op: 'read netlink message' }),
      );
    }
  });

  it('is read or refused, whatever its attributes are', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...families),
        fc.uint8Array({ minLength: header - 1, maxLength: header - 1 }),
        fc.array(attribute, { maxLength: 6 }),
        (family, rest, attributes) => {
          read(Buffer.concat([Buffer.from([family]), rest, ...attributes]));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('nexthops of a route', () => {
  it.each([0, 7, 9, 200])('are refused with a length of %i', (length) => {
    const header = Buffer.alloc(12);
    header.writeUInt8(2);
    // RTA_MULTIPATH (9) with one struct rtnexthop
    const bytes = Buffer.from([12, 0, 9, 0, length, 0, 0, 0, 1, 0, 0, 0]);
    expect(() => parseRoute(Buffer.concat([header, bytes]))).toThrow(
      `malformed netlink message: a nexthop of ${length} bytes at 0 of 8`,
    );
  });
});
