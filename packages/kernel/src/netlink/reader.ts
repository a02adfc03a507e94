import { BerthError } from '@berth/core';
import { align } from './attributes.js';

const HEADER_LENGTH = 4;
const TYPE_MASK = 0x3fff;

/**
 * A cursor over attributes. The payload's size is checked by each getter, so that a wrong type is an error and not
 * garbage. Readers share no state: a nested one has its own cursor.
 *
 * ```ts
 * const reader = new AttributeReader(payload);
 * while (reader.next()) if (reader.type === IFLA_MTU) mtu = reader.u32();
 * ```
 */
export class AttributeReader {
  readonly #bytes: Buffer;
  #at = 0;
  #next = 0;
  #payload: Buffer = Buffer.alloc(0);
  #type = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * Steps to the next attribute.
   *
   * @returns false at the end
   * @throws BerthError `internal` where a length does not fit
   */
  next(): boolean {
    this.#at = this.#next;
    // The last attribute need not be padded: what is too short for a header is padding.
    if (this.#bytes.length - this.#at < HEADER_LENGTH) return false;
    const length = this.#bytes.readUInt16LE(this.#at);
    if (length < HEADER_LENGTH || this.#at + length > this.#bytes.length) {
      throw malformed(`an attribute of ${length} bytes at ${this.#at} of ${this.#bytes.length}`);
    }
    this.#type = this.#bytes.readUInt16LE(this.#at + 2) & TYPE_MASK;
    this.#payload = this.#bytes.subarray(this.#at + HEADER_LENGTH, this.#at + length);
    this.#next = this.#at + align(length);
    return true;
  }

  /** The attribute's type, without the flags for nesting and byte order. */
  get type(): number {
    return this.#type;
  }

  /** The attribute's payload; a view, copy it to keep it beyond the message. */
  get bytes(): Buffer {
    return this.#payload;
  }

  u8(): number {
    return this.#sized(1).readUInt8();
  }

  u16(): number {
    return this.#sized(2).readUInt16LE();
  }

  u32(): number {
    return this.#sized(4).readUInt32LE();
  }

  i32(): number {
    return this.#sized(4).readInt32LE();
  }

  u64(): bigint {
    return this.#sized(8).readBigUInt64LE();
  }

  beU32(): number {
    return this.#sized(4).readUInt32BE();
  }

  /** A string, with or without its terminating zero. */
  string(): string {
    const end = this.#payload.indexOf(0);
    return this.#payload.toString('utf8', 0, end === -1 ? this.#payload.length : end);
  }

  nested(): AttributeReader {
    return new AttributeReader(this.#payload);
  }

  #sized(size: number): Buffer {
    if (this.#payload.length !== size) {
      throw malformed(`attribute ${this.#type} has ${this.#payload.length} bytes instead of ${size}`);
    }
    return this.#payload;
  }
}

/**
 * The bytes, when they are enough for what has to be in them: a fixed header, a structure of C.
 *
 * @throws BerthError `internal` when they are fewer than `size`
 */
export function atLeast(size: number, bytes: Buffer, what: string): Buffer {
  if (bytes.length < size) throw malformed(`${what} of ${bytes.length} bytes instead of ${size}`);
  return bytes;
}

/** @returns the error for a message that is not as the protocol has it */
export function malformed(what: string): BerthError {
  return new BerthError('internal', `malformed netlink message: ${what}`, { op: 'read netlink message' });
}
