import koffi from 'koffi';
import { check, declare } from '../libc/index.js';

/** __NR_bpf: include/uapi/asm-generic/unistd.h has 280; x86-64 its own table. */
const SYS_BPF = process.arch === 'x64' ? 321 : 280;
/** enum bpf_cmd (include/uapi/linux/bpf.h) */
const COMMAND = { createMap: 0, updateElement: 2, deleteElement: 3, loadProgram: 5, createLink: 28 } as const;
/** union bpf_attr is longer by now; what is not given is zero. */
const ATTRIBUTES_LENGTH = 144;

const syscall = declare<[number: number, command: number, attributes: Buffer, length: number]>(
  'syscall',
  'long',
  ['long', 'int', 'void *', 'unsigned int'],
);

/** BPF_MAP_TYPE_HASH, without room set aside (BPF_F_NO_PREALLOC). @returns a descriptor @throws KernelError */
export function createHashMap(keyLength: number, valueLength: number, entries: number): number {
  const attributes = Buffer.alloc(ATTRIBUTES_LENGTH);
  [1, keyLength, valueLength, entries, 1].forEach((value, index) =>
    attributes.writeUInt32LE(value, index * 4),
  );
  return check(syscall(SYS_BPF, COMMAND.createMap, attributes, attributes.length), 'create BPF map');
}

export function updateElement(map: number, key: Buffer, value: Buffer): void {
  check(
    syscall(SYS_BPF, COMMAND.updateElement, element(map, key, value), ATTRIBUTES_LENGTH),
    'update BPF map',
  );
}

/** One that is not there is no error. */
export function deleteElement(map: number, key: Buffer): void {
  syscall(SYS_BPF, COMMAND.deleteElement, element(map, key), ATTRIBUTES_LENGTH);
}

/** @param type BPF_PROG_TYPE_* @param attachType BPF_* of enum bpf_attach_type @returns a descriptor @throws KernelError */
export function loadProgram(type: number, attachType: number, program: Buffer): number {
  const license = Buffer.from('GPL\0');
  const attributes = Buffer.alloc(ATTRIBUTES_LENGTH);
  attributes.writeUInt32LE(type, 0);
  attributes.writeUInt32LE(program.length / 8, 4);
  attributes.writeBigUInt64LE(koffi.address(program), 8);
  attributes.writeBigUInt64LE(koffi.address(license), 16);
  attributes.writeUInt32LE(attachType, 68);
  return check(syscall(SYS_BPF, COMMAND.loadProgram, attributes, attributes.length), 'load BPF program');
}

/** Attaches a program; it is detached when the last copy of the descriptor is closed. @throws KernelError */
export function createLink(program: number, target: number, attachType: number): number {
  const attributes = Buffer.alloc(ATTRIBUTES_LENGTH);
  [program, target, attachType].forEach((value, index) => attributes.writeUInt32LE(value, index * 4));
  return check(syscall(SYS_BPF, COMMAND.createLink, attributes, attributes.length), 'attach BPF program');
}

function element(map: number, key: Buffer, value?: Buffer): Buffer {
  const attributes = Buffer.alloc(ATTRIBUTES_LENGTH);
  attributes.writeUInt32LE(map, 0);
  attributes.writeBigUInt64LE(koffi.address(key), 8);
  if (value !== undefined) attributes.writeBigUInt64LE(koffi.address(value), 16);
  return attributes;
}
