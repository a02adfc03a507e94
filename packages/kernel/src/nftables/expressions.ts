import type { AttributeWriter } from '../netlink/index.js';

/** NFT_REG_1 (include/uapi/linux/netfilter/nf_tables.h). */
const REGISTER = 1;

/** NFTA_LIST_ELEM, NFTA_EXPR_*, NFTA_DATA_VALUE. */
const LIST_ELEMENT = 1;
const EXPRESSION = { NAME: 1, DATA: 2 } as const;
const DATA_VALUE = 1;

/** One instruction of nf_tables' register machine. */
export interface Expression {
  readonly name: string;
  readonly write: (data: AttributeWriter) => void;
}

/** Offsets and lengths of header fields: RFC 791, RFC 768, RFC 9293. */
const FIELDS = {
  /** NFT_PAYLOAD_NETWORK_HEADER is 1. */
  ipDestination: { base: 1, offset: 16, length: 4 },
  ipSource: { base: 1, offset: 12, length: 4 },
  /** NFT_PAYLOAD_TRANSPORT_HEADER is 2. */
  destinationPort: { base: 2, offset: 2, length: 2 },
  sourcePort: { base: 2, offset: 0, length: 2 },
} as const;

/** Where the checksum of a transport header lies: RFC 768, RFC 9293. */
const CHECKSUM_OFFSETS = { udp: 6, tcp: 16 } as const;

/** The builders of what Berth's small rulesets inside sandboxes are made of. */
export const expressions = {
  /** Loads a header field. */
  payload(field: keyof typeof FIELDS): Expression {
    const { base, offset, length } = FIELDS[field];
    // NFTA_PAYLOAD_DREG 1, BASE 2, OFFSET 3, LEN 4
    return {
      name: 'payload',
      write: (data) => data.beU32(1, REGISTER).beU32(2, base).beU32(3, offset).beU32(4, length),
    };
  },

  /** Loads the transport protocol. */
  transportProtocol(): Expression {
    // NFTA_META_DREG 1, NFTA_META_KEY 2; NFT_META_L4PROTO is 16
    return { name: 'meta', write: (data) => data.beU32(1, REGISTER).beU32(2, 16) };
  },

  /** Goes on only if what was loaded is `value`. */
  equals(value: Buffer): Expression {
    // NFTA_CMP_SREG 1, OP 2, DATA 3; NFT_CMP_EQ is 0
    const write = (data: AttributeWriter): void => {
      data
        .beU32(1, REGISTER)
        .beU32(2, 0)
        .nested(3, (nested) => nested.bytesOf(DATA_VALUE, value));
    };
    return { name: 'cmp', write };
  },

  /** Loads a value. */
  immediate(value: Buffer): Expression {
    // NFTA_IMMEDIATE_DREG 1, DATA 2
    const write = (data: AttributeWriter): void => {
      data.beU32(1, REGISTER).nested(2, (nested) => nested.bytesOf(DATA_VALUE, value));
    };
    return { name: 'immediate', write };
  },

  /** Writes what was loaded into a header field, and corrects the transport header's checksum. */
  writePayload(field: 'sourcePort' | 'destinationPort', protocol: keyof typeof CHECKSUM_OFFSETS): Expression {
    const { base, offset, length } = FIELDS[field];
    return {
      name: 'payload',
      // NFTA_PAYLOAD_BASE 2, OFFSET 3, LEN 4, SREG 5, CSUM_TYPE 6 (NFT_PAYLOAD_CSUM_INET is 1), CSUM_OFFSET 7
      write: (data) =>
        data
          .beU32(2, base)
          .beU32(3, offset)
          .beU32(4, length)
          .beU32(5, REGISTER)
          .beU32(6, 1)
          .beU32(7, CHECKSUM_OFFSETS[protocol]),
    };
  },

  /** Keeps the packet out of connection tracking. */
  notrack(): Expression {
    return { name: 'notrack', write: () => undefined };
  },
};

/** Writes a rule's list of expressions (NFTA_RULE_EXPRESSIONS). */
export function writeExpressions(list: AttributeWriter, items: readonly Expression[]): void {
  for (const { name, write } of items) {
    list.nested(LIST_ELEMENT, (element) => {
      element.string(EXPRESSION.NAME, name).nested(EXPRESSION.DATA, write);
    });
  }
}
