import {
  AttributeWriter,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type NetlinkRequest,
} from '../netlink/index.js';
import { writeExpressions, type Expression } from './expressions.js';

/** NFPROTO_* of include/uapi/linux/netfilter.h. */
const FAMILIES = { inet: 1, ip: 2, bridge: 7, ip6: 10 } as const;
export type NftFamily = keyof typeof FAMILIES;

/** nfnetlink message types: NFNL_SUBSYS_NFTABLES (10) in the upper byte, NFT_MSG_* below (nf_tables.h). */
const SUBSYSTEM = 10 << 8;
const MESSAGE = {
  newTable: 0,
  deleteTable: 2,
  newChain: 3,
  newRule: 6,
  newElement: 12,
  deleteElement: 14,
} as const;

/** NFTA_* of include/uapi/linux/netfilter/nf_tables.h. */
const TABLE_NAME = 1;
const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, POLICY: 5, TYPE: 7 } as const;
const HOOK = { NUMBER: 1, PRIORITY: 2 } as const;
const RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 } as const;
const ELEMENTS = { TABLE: 1, SET: 2, LIST: 3 } as const;
const ELEMENT = { KEY: 1, DATA: 2, KEY_END: 10 } as const;
const DATA_VALUE = 1;
const LIST_ELEMENT = 1;

/** NF_INET_* hooks (include/uapi/linux/netfilter.h). */
const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

/** One change of a ruleset, as a value; all changes of one commit happen together or not at all. */
export type NftChange = NetlinkRequest;

/** An element of a set or map: the bytes of its key, of the last key of its interval, and of its value. */
export interface NftElement {
  readonly key: Buffer;
  readonly keyEnd?: Buffer;
  readonly data?: Buffer;
}

export interface NftElements {
  readonly family: NftFamily;
  readonly table: string;
  readonly set: string;
  readonly elements: readonly NftElement[];
}

/** struct nfgenmsg: family, version, resource id. */
function header(family: NftFamily): Buffer {
  return Buffer.from([FAMILIES[family], 0, 0, 0]);
}

function change(
  message: number,
  flags: number,
  writer: AttributeWriter,
  op: string,
  subject: string,
): NftChange {
  return { type: SUBSYSTEM | message, flags: NLM_F_ACK | flags, payload: writer.bytes, op, subject };
}

/** How many elements fit in one message: its length is a 32-bit number, that of the list attribute a 16-bit one. */
const ELEMENTS_PER_MESSAGE = 400;

function elementChanges(message: number, flags: number, op: string, request: NftElements): NftChange[] {
  const changes: NftChange[] = [];
  for (let at = 0; at < request.elements.length; at += ELEMENTS_PER_MESSAGE) {
    const part = request.elements.slice(at, at + ELEMENTS_PER_MESSAGE);
    const writer = new AttributeWriter(256 + part.length * 64)
      .raw(header(request.family))
      .string(ELEMENTS.TABLE, request.table)
      .string(ELEMENTS.SET, request.set)
      .nested(ELEMENTS.LIST, (list) => {
        for (const element of part) list.nested(LIST_ELEMENT, (entry) => writeElement(entry, element));
      });
    changes.push(change(message, flags, writer, op, `${request.table} ${request.set}`));
  }
  return changes;
}

function writeElement(writer: AttributeWriter, { key, keyEnd, data }: NftElement): void {
  writer.nested(ELEMENT.KEY, (value) => value.bytesOf(DATA_VALUE, key));
  if (keyEnd !== undefined) writer.nested(ELEMENT.KEY_END, (value) => value.bytesOf(DATA_VALUE, keyEnd));
  if (data !== undefined) writer.nested(ELEMENT.DATA, (value) => value.bytesOf(DATA_VALUE, data));
}

export interface NftBaseChain {
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: keyof typeof HOOKS;
  readonly priority: number;
}

export interface NftRule {
  readonly family: NftFamily;
  readonly table: string;
  readonly chain: string;
  readonly expressions: readonly Expression[];
}

/** Changes of rulesets, as values for {@link NftSocket.commit}. */
export const nftChanges = {
  /** One that is there already is no error, unless it has to be `exclusive`. */
  addTable(family: NftFamily, name: string, options: { readonly exclusive?: boolean } = {}): NftChange {
    const writer = new AttributeWriter(64).raw(header(family)).string(TABLE_NAME, name);
    const flags = options.exclusive === true ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE;
    return change(MESSAGE.newTable, flags, writer, 'add table', name);
  },

  /** With all that is in it. */
  deleteTable(family: NftFamily, name: string): NftChange {
    const writer = new AttributeWriter(64).raw(header(family)).string(TABLE_NAME, name);
    return change(MESSAGE.deleteTable, 0, writer, 'delete table', name);
  },

  addChain({ family, table, name, type, hook, priority }: NftBaseChain): NftChange {
    const writer = new AttributeWriter(128)
      .raw(header(family))
      .string(CHAIN.TABLE, table)
      .string(CHAIN.NAME, name)
      .nested(CHAIN.HOOK, (value) => value.beU32(HOOK.NUMBER, HOOKS[hook]).beU32(HOOK.PRIORITY, priority))
      // NF_ACCEPT
      .beU32(CHAIN.POLICY, 1)
      .string(CHAIN.TYPE, type);
    return change(MESSAGE.newChain, NLM_F_CREATE, writer, 'add chain', `${table} ${name}`);
  },

  addRule({ family, table, chain, expressions }: NftRule): NftChange {
    const writer = new AttributeWriter(512)
      .raw(header(family))
      .string(RULE.TABLE, table)
      .string(RULE.CHAIN, chain)
      .nested(RULE.EXPRESSIONS, (list) => writeExpressions(list, expressions));
    return change(MESSAGE.newRule, NLM_F_CREATE | NLM_F_APPEND, writer, 'add rule', `${table} ${chain}`);
  },

  /** An element that is there already with the same value is no error. */
  addElements: (request: NftElements): NftChange[] =>
    elementChanges(MESSAGE.newElement, NLM_F_CREATE, 'add elements', request),

  /** An element that is not there is an error: nothing of the commit happens. */
  deleteElements: (request: NftElements): NftChange[] =>
    elementChanges(
      MESSAGE.deleteElement,
      0,
      'delete elements',
      // A deletion goes by the key.
      {
        ...request,
        elements: request.elements.map(({ key, keyEnd }) =>
          keyEnd === undefined ? { key } : { key, keyEnd },
        ),
      },
    ),
};
