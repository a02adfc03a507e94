import type { AttributeWriter } from '../netlink/index.js';

/** NFT_REG_1, NFT_REG_2 (include/uapi/linux/netfilter/nf_tables.h). */
const REGISTER_1 = 1;
const REGISTER_2 = 2;

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
} as const;

/** The builders of what Berth's small rulesets inside sandboxes are made of. */
export const expressions = {
  /** Loads a header field. */
  payload(field: keyof typeof FIELDS): Expression {
    const { base, offset, length } = FIELDS[field];
    // NFTA_PAYLOAD_DREG 1, BASE 2, OFFSET 3, LEN 4
    return {
      name: 'payload',
      write: (data) => data.beU32(1, REGISTER_1).beU32(2, base).beU32(3, offset).beU32(4, length),
    };
  },

  /** Loads the transport protocol. */
  transportProtocol(): Expression {
    // NFTA_META_DREG 1, NFTA_META_KEY 2; NFT_META_L4PROTO is 16
    return { name: 'meta', write: (data) => data.beU32(1, REGISTER_1).beU32(2, 16) };
  },

  /** Goes on only if what was loaded is `value`. */
  equals(value: Buffer): Expression {
    // NFTA_CMP_SREG 1, OP 2, DATA 3; NFT_CMP_EQ is 0
    const write = (data: AttributeWriter): void => {
      data
        .beU32(1, REGISTER_1)
        .beU32(2, 0)
        .nested(3, (nested) => nested.bytesOf(DATA_VALUE, value));
    };
    return { name: 'cmp', write };
  },

  /** Sends the packet, and those that belong to it, to another address and port. */
  destinationNat(address: Buffer, port: Buffer): Expression[] {
    const immediate = (register: number, value: Buffer): Expression => ({
      name: 'immediate',
      // NFTA_IMMEDIATE_DREG 1, DATA 2
      write: (data) => data.beU32(1, register).nested(2, (nested) => nested.bytesOf(DATA_VALUE, value)),
    });
    const nat: Expression = {
      name: 'nat',
      // NFTA_NAT_TYPE 1 (NFT_NAT_DNAT is 1), FAMILY 2 (NFPROTO_IPV4 is 2), REG_ADDR_MIN 3, REG_PROTO_MIN 5,
      // FLAGS 7: NF_NAT_RANGE_PROTO_SPECIFIED is 2
      write: (data) => data.beU32(1, 1).beU32(2, 2).beU32(3, REGISTER_1).beU32(5, REGISTER_2).beU32(7, 2),
    };
    return [immediate(REGISTER_1, address), immediate(REGISTER_2, port), nat];
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
