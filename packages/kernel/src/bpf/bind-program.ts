import { Assembler } from './assembler.js';

/** BPF_FUNC_* (include/uapi/linux/bpf.h) */
const MAP_LOOKUP = 1;
const GET_NETNS_COOKIE = 122;
const SET_RETVAL = 187;
/** include/uapi/asm-generic/errno.h */
const EADDRINUSE = 98;
/** include/uapi/linux/in.h */
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;

/** struct bpf_sock_addr (include/uapi/linux/bpf.h). */
const CONTEXT = { ip4: 4, ip6: 8, port: 24, protocol: 36 } as const;

/** The key of the map: an address of 16 bytes (IPv4 ones mapped), and the protocol as a 32-bit number. */
export const KEY_LENGTH = 20;
/** A bit for each port. */
export const BITMAP_LENGTH = 8192;

/** Keys that are no address of anybody: the ports held at any address at all. */
export const UNION_ADDRESS = Buffer.alloc(16, 0xff);

/** Where the key is built on the stack. */
const KEY = -24;
const MAPPED = 0xffff_0000 | 0;

export type BindFamily = 4 | 6;

/**
 * A program for BPF_CGROUP_INET4_BIND or INET6_BIND that refuses, with EADDRINUSE, to bind ports which the map holds, in
 * the network namespace of that cookie and in no other.
 */
export function bindProgram(family: BindFamily, map: number, namespaceCookie: bigint): Buffer {
  const program = new Assembler()
    .copy(6, 1)
    .call(GET_NETNS_COOKIE)
    .moveWide(1, namespaceCookie)
    .jumpIfNotSame(0, 1, 'allow')
    .loadWord(7, 6, CONTEXT.port)
    .swap16(7)
    .and(7, 0xffff)
    // A port of the kernel's choice is never one that is asked for.
    .jumpIf(7, 0, 'allow')
    .loadWord(1, 6, CONTEXT.protocol)
    .storeWord(10, KEY + 16, 1)
    .jumpIf(1, IPPROTO_TCP, 'known')
    .jumpIfNot(1, IPPROTO_UDP, 'allow')
    .label('known');
  if (family === 4) {
    program.loadWord(8, 6, CONTEXT.ip4).jumpIf(8, 0, 'everywhere');
    key(program, [0, 0, MAPPED, 0]);
    lookUp(program, map, 'any');
    key(program, [0, 0, MAPPED]).storeWord(10, KEY + 12, 8);
  } else {
    for (const [index, label] of ['address', 'address', 'address', 'address'].entries())
      program.loadWord(8, 6, CONTEXT.ip6 + index * 4).jumpIfNot(8, 0, label);
    program.jump('everywhere').label('address');
    key(program, [0, 0, 0, 0]);
    lookUp(program, map, 'any');
    for (const index of [0, 1, 2, 3])
      program.loadWord(8, 6, CONTEXT.ip6 + index * 4).storeWord(10, KEY + index * 4, 8);
  }
  lookUp(program, map, 'own');
  program.jump('allow').label('everywhere');
  key(program, [-1, -1, -1, -1]);
  lookUp(program, map, 'union');
  return program
    .label('allow')
    .move(0, 1)
    .exit()
    .label('refuse')
    .move(1, -EADDRINUSE)
    .call(SET_RETVAL)
    .move(0, 0)
    .exit()
    .assemble();
}

function key(program: Assembler, words: readonly number[]): Assembler {
  words.forEach((word, index) => program.storeNumber(10, KEY + index * 4, word));
  return program;
}

/** Goes to `refuse` if the port's bit is set under the key on the stack. */
function lookUp(program: Assembler, map: number, name: string): void {
  program
    .moveMap(1, map)
    .copy(2, 10)
    .add(2, KEY)
    .call(MAP_LOOKUP)
    .jumpIf(0, 0, `without ${name}`)
    .copy(1, 7)
    .shiftRight(1, 3)
    .addRegister(0, 1)
    .loadByte(1, 0, 0)
    .copy(2, 7)
    .and(2, 7)
    .shiftRightRegister(1, 2)
    .and(1, 1)
    .jumpIfNot(1, 0, 'refuse')
    .label(`without ${name}`);
}
