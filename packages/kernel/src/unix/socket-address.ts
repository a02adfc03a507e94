import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** AF_UNIX, and sizeof(sun_path) (include/uapi/linux/un.h). */
const AF_UNIX = 1;
const PATH_LENGTH = 108;

/**
 * Calls `use` with the struct sockaddr_un of a path. A path that is too long for it is reached through the descriptor
 * of its folder.
 */
export function withUnixAddress<T>(path: string, use: (address: Buffer) => T): T {
  if (Buffer.byteLength(path) < PATH_LENGTH) return use(encode(path));
  const folder = openSync(dirname(path), 'r');
  try {
    return use(encode(`/proc/self/fd/${folder}/${basename(path)}`));
  } finally {
    closeSync(folder);
  }
}

function encode(path: string): Buffer {
  const address = Buffer.alloc(2 + PATH_LENGTH);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  return address;
}
