/** Registers of the BPF machine: r0 is what calls return, r1 to r5 are arguments, r10 the frame. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** Opcodes: classes and operations of include/uapi/linux/bpf_common.h and include/uapi/linux/bpf.h. */
const OP = {
  moveNumber: 0xb7,
  moveRegister: 0xbf,
  addNumber: 0x07,
  addRegister: 0x0f,
  andNumber: 0x57,
  shiftRightNumber: 0x77,
  shiftRightRegister: 0x7f,
  toBigEndian: 0xdc,
  loadWord: 0x61,
  loadByte: 0x71,
  storeWord: 0x63,
  storeWordNumber: 0x62,
  wide: 0x18,
  jump: 0x05,
  jumpIfNumber: 0x15,
  jumpIfNotNumber: 0x55,
  jumpIfNotRegister: 0x5d,
  call: 0x85,
  exit: 0x95,
} as const;
/** BPF_PSEUDO_MAP_FD */
const PSEUDO_MAP = 1;
const INSTRUCTION_LENGTH = 8;

/** Writes BPF programs: one method an instruction, labels for jumps. */
export class Assembler {
  readonly #instructions: Buffer[] = [];
  readonly #labels = new Map<string, number>();
  readonly #jumps: { at: number; label: string }[] = [];

  move(to: Register, value: number): this {
    return this.#add(OP.moveNumber, to, 0, 0, value);
  }

  copy(to: Register, from: Register): this {
    return this.#add(OP.moveRegister, to, from);
  }

  add(to: Register, value: number): this {
    return this.#add(OP.addNumber, to, 0, 0, value);
  }

  addRegister(to: Register, from: Register): this {
    return this.#add(OP.addRegister, to, from);
  }

  and(to: Register, value: number): this {
    return this.#add(OP.andNumber, to, 0, 0, value);
  }

  shiftRight(to: Register, bits: number): this {
    return this.#add(OP.shiftRightNumber, to, 0, 0, bits);
  }

  shiftRightRegister(to: Register, bits: Register): this {
    return this.#add(OP.shiftRightRegister, to, bits);
  }

  /** A number of 16 bits between the network's order and the machine's. */
  swap16(register: Register): this {
    return this.#add(OP.toBigEndian, register, 0, 0, 16);
  }

  loadWord(to: Register, from: Register, offset: number): this {
    return this.#add(OP.loadWord, to, from, offset);
  }

  loadByte(to: Register, from: Register, offset: number): this {
    return this.#add(OP.loadByte, to, from, offset);
  }

  storeWord(to: Register, offset: number, from: Register): this {
    return this.#add(OP.storeWord, to, from, offset);
  }

  storeNumber(to: Register, offset: number, value: number): this {
    return this.#add(OP.storeWordNumber, to, 0, offset, value);
  }

  /** A number of 64 bits. */
  moveWide(to: Register, value: bigint): this {
    this.#add(OP.wide, to, 0, 0, Number(BigInt.asIntN(32, value)));
    return this.#add(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n)));
  }

  moveMap(to: Register, descriptor: number): this {
    this.#add(OP.wide, to, PSEUDO_MAP, 0, descriptor);
    return this.#add(0, 0);
  }

  /** Calls a helper function by its number (BPF_FUNC_*). */
  call(helper: number): this {
    return this.#add(OP.call, 0, 0, 0, helper);
  }

  label(name: string): this {
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  jump(label: string): this {
    return this.#jump(OP.jump, 0, 0, 0, label);
  }

  jumpIf(register: Register, value: number, label: string): this {
    return this.#jump(OP.jumpIfNumber, register, 0, value, label);
  }

  jumpIfNot(register: Register, value: number, label: string): this {
    return this.#jump(OP.jumpIfNotNumber, register, 0, value, label);
  }

  jumpIfNotSame(register: Register, other: Register, label: string): this {
    return this.#jump(OP.jumpIfNotRegister, register, other, 0, label);
  }

  exit(): this {
    return this.#add(OP.exit, 0);
  }

  /** The program: struct bpf_insn, one after the other. */
  assemble(): Buffer {
    for (const { at, label } of this.#jumps) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new TypeError(`no label ${label}`);
      this.#instructions[at]?.writeInt16LE(target - at - 1, 2);
    }
    return Buffer.concat(this.#instructions);
  }

  #jump(code: number, register: Register, other: Register, value: number, label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#add(code, register, other, 0, value);
  }

  #add(code: number, to: Register, from: number = 0, offset = 0, value = 0): this {
    const bytes = Buffer.alloc(INSTRUCTION_LENGTH);
    bytes.writeUInt8(code, 0);
    bytes.writeUInt8(to | (from << 4), 1);
    bytes.writeInt16LE(offset, 2);
    bytes.writeInt32LE(value | 0, 4);
    this.#instructions.push(bytes);
    return this;
  }
}
