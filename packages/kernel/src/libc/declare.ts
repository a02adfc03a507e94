import koffi from 'koffi';
import { KernelError } from '../errors.js';
import { errnoName, errnoNumber } from './errno.js';

const library = koffi.load('libc.so.6');
const EINTR = errnoNumber('EINTR');

/** What a C function is given. A `Buffer` is passed by address (no copy), in both directions. */
export type CArgument = number | bigint | string | Buffer | null;

/** The C types that declarations use. `void *` takes a Buffer or null, `const char *` a string or null. */
export type CType = 'int' | 'unsigned int' | 'long' | 'unsigned long' | 'const char *' | 'void *';

/**
 * A function of libc with the kernel's own convention for results: what it returned, or `-errno`.
 * Interrupted calls (EINTR) are made again. Pass the result through {@link check} to have failures thrown.
 */
export interface LibcFunction<A extends readonly CArgument[]> {
  (...args: A): number;
  /**
   * The same on a thread of libuv's pool. Buffers must not be touched until it is done. The pool's threads
   * are in the namespace that they were born in: never call what depends on the thread's own namespace.
   */
  async(...args: A): Promise<number>;
}

interface NativeFunction {
  (...args: CArgument[]): number;
  async(...args: [...CArgument[], (error: unknown, result: number) => void]): void;
}

/**
 * Declares a function of libc that returns an integer and reports failure as -1 with errno. Variadic ones
 * (ioctl, fcntl) are declared with their fixed arguments, which is the same call for integers and pointers
 * in the ABIs of x86-64 and arm64 Linux.
 *
 * @param again false for what must not be repeated after EINTR (close: the descriptor is gone, close(2))
 */
export function declare<A extends readonly CArgument[]>(
  name: string,
  result: 'int' | 'long',
  parameters: { readonly [K in keyof A]: CType },
  { again = true }: { again?: boolean } = {},
): LibcFunction<A> {
  const native = library.func(name, result, [...parameters] as string[]) as NativeFunction;
  const call = (...args: A): number => {
    for (;;) {
      const value = native(...args);
      if (value !== -1) return value;
      const errno = koffi.errno();
      if (errno !== EINTR || !again) return -errno;
    }
  };
  const once = (args: A): Promise<number> =>
    new Promise((resolve, reject) => {
      native.async(...args, (error, value) => {
        // koffi restores the pool thread's errno for the length of this callback.
        if (error) reject(error instanceof Error ? error : new Error(`calling ${name} failed`));
        else resolve(value === -1 ? -koffi.errno() : value);
      });
    });
  const async = async (...args: A): Promise<number> => {
    for (;;) {
      const value = await once(args);
      if (value !== -EINTR || !again) return value;
    }
  };
  return Object.assign(call, { async });
}

/**
 * The result of a {@link LibcFunction}, when it is one.
 *
 * @throws KernelError when it is `-errno`
 */
export function check(result: number, op: string, subject?: string): number {
  if (result < 0) throw new KernelError(errnoName(-result), { op, subject });
  return result;
}
