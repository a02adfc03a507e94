import { check, declare } from '../libc/index.js';

const AT_FDCWD = -100;
/** __NR_mknodat: include/uapi/asm-generic/unistd.h has 33; x86-64 its own table. glibc has a function only since 2.33. */
const SYS_MKNODAT = process.arch === 'x64' ? 259 : 33;
/** inode(7) */
const TYPES = { fifo: 0o010000, 'character-device': 0o020000, 'block-device': 0o060000 } as const;

const mknodat = declare<[number: number, folder: number, path: Buffer, mode: number, device: number]>(
  'syscall',
  'long',
  ['long', 'int', 'void *', 'unsigned int', 'unsigned int'],
);

/** mknod(2): a fifo or a device. @throws KernelError */
export function makeNode(
  path: Buffer,
  type: keyof typeof TYPES,
  mode: number,
  { major = 0, minor = 0 }: { major?: number; minor?: number } = {},
): void {
  const text = Buffer.concat([path, Buffer.alloc(1)]);
  check(
    mknodat(SYS_MKNODAT, AT_FDCWD, text, TYPES[type] | mode, deviceNumber(major, minor)),
    'make node',
    path.toString(),
  );
}

/** As the kernel takes it: new_encode_dev of include/linux/kdev_t.h. */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The two numbers of a device as stat(2) gives them; see gnu_dev_major of sys/sysmacros.h. */
export function deviceParts(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn)) >>> 0,
  };
}
