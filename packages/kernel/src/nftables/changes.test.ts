import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nftChanges, nftKeys } from './index.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
/** struct nfgenmsg of family inet, NFTA_SET_ELEM_LIST_TABLE "berth" padded to four bytes. */
const HEADER = '01000000 0a000100 626572746800 0000';

/** What nft 1.0.6 sends for `add element inet berth …`, without NFTA_SET_ELEM_LIST_SET_ID, which only it needs. */
describe('elements, byte for byte as nft sends them', () => {
  it('published { tcp . 8081 : 10.9.0.2 . 80 }', () => {
    const [change] = nftChanges.addElements({
      family: 'inet',
      table: 'berth',
      set: 'published',
      elements: [
        {
          key: nftKeys.concat(nftKeys.protocol('tcp'), nftKeys.service(8081)),
          data: nftKeys.concat(nftKeys.address('10.9.0.2'), nftKeys.service(80)),
        },
      ],
    });
    // NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM; NLM_F_CREATE | NLM_F_ACK
    expect(change).toMatchObject({ type: 0x0a0c, flags: 0x404, subject: 'berth published' });
    expect(change?.payload).toEqual(
      hex(`${HEADER} 0e000200 7075626c697368656400 0000 28000380
        24000180 10000180 0c000100 06000000 1f910000 10000280 0c000100 0a090002 00500000`),
    );
  });

  it('ranges { udp . 9000-9010 : 10.9.0.2 }', () => {
    const key = (port: number) => nftKeys.concat(nftKeys.protocol('udp'), nftKeys.service(port));
    const [change] = nftChanges.addElements({
      family: 'inet',
      table: 'berth',
      set: 'ranges',
      elements: [{ key: key(9000), keyEnd: key(9010), data: nftKeys.address('10.9.0.2') }],
    });
    expect(change?.payload).toEqual(
      hex(`${HEADER} 0b000200 72616e67657300 00 34000380 30000180 10000180 0c000100 11000000 23280000
        10000a80 0c000100 11000000 23320000 0c000280 08000100 0a090002`),
    );
  });

  it('hairpin { br0 . br1 }', () => {
    const [change] = nftChanges.addElements({
      family: 'inet',
      table: 'berth',
      set: 'hairpin',
      elements: [{ key: nftKeys.concat(nftKeys.interfaceName('br0'), nftKeys.interfaceName('br1')) }],
    });
    expect(change?.payload).toEqual(
      hex(`${HEADER} 0c000200 6861697270696e00 30000380 2c000180 28000180 24000100
        62723000 00000000 00000000 00000000 62723100 00000000 00000000 00000000`),
    );
  });
});

describe('keys', () => {
  it('refuse an interface name that would be cut', () => {
    expect(nftKeys.interfaceName('veth12345678901')).toHaveLength(16);
    expect(() => nftKeys.interfaceName('veth123456789012')).toThrow(/at most 15 bytes/);
    expect(() => nftKeys.interfaceName('ééééééééé')).toThrow(/at most 15 bytes/);
  });

  it('concatenate fields at multiples of four bytes, each as it was', () => {
    const field = fc.uint8Array({ minLength: 1, maxLength: 16 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 5 }), (fields) => {
        const key = nftKeys.concat(...fields);
        let at = 0;
        for (const bytes of fields) {
          expect(key.subarray(at, at + bytes.length)).toEqual(bytes);
          at = Math.ceil((at + bytes.length) / 4) * 4;
        }
        expect(key).toHaveLength(at);
      }),
    );
  });

  it('elements beyond what one attribute holds go out as several messages, none lost', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2000 }), (count) => {
        const elements = Array.from({ length: count }, (_, port) => ({
          key: nftKeys.concat(nftKeys.interfaceName('br0'), nftKeys.interfaceName(`v${port}`)),
          keyEnd: nftKeys.concat(nftKeys.interfaceName('br0'), nftKeys.interfaceName(`v${port}`)),
        }));
        const changes = nftChanges.addElements({ family: 'inet', table: 't', set: 's', elements });
        const bytes = Buffer.concat(changes.map(({ payload }) => payload));
        let found = 0;
        for (let at = bytes.indexOf('v'); at !== -1; at = bytes.indexOf('v', at + 1)) found++;
        expect(found).toBe(2 * count);
        // nla_len is 16 bits wide.
        for (const { payload } of changes) expect(payload.length).toBeLessThan(0x10000);
      }),
      { numRuns: 20 },
    );
  });
});
