import koffi, { type LibraryHandle } from 'koffi';
import { BerthError } from '@berth/core';
import { errnoText } from '../libc/index.js';

/** Flags of nft_ctx_output_set_flags (libnftables(3), nftables/libnftables.h). */
const NFT_CTX_DEFAULT = 0;
const NFT_CTX_OUTPUT_JSON = 1 << 4;

/** How often a transaction that a signal interrupted is made again; nothing of it has happened then. */
const ATTEMPTS = 10;

interface Library {
  readonly contextNew: (flags: number) => unknown;
  readonly contextFree: (context: unknown) => void;
  readonly bufferOutput: (context: unknown) => number;
  readonly bufferError: (context: unknown) => number;
  readonly output: (context: unknown) => string | null;
  readonly error: (context: unknown) => string | null;
  readonly setOutputFlags: (context: unknown, flags: number) => void;
  readonly run: (context: unknown, commands: string) => number;
}

let loaded: Library | undefined;

/** @throws BerthError `unavailable` where the library is not installed */
function load(): Library {
  if (loaded !== undefined) return loaded;
  let library: LibraryHandle;
  try {
    library = koffi.load('libnftables.so.1');
  } catch (cause) {
    throw new BerthError(
      'unavailable',
      `libnftables is not installed (package libnftables1): ${String(cause)}`,
      { cause },
    );
  }
  loaded = {
    contextNew: library.func('void *nft_ctx_new(uint32_t flags)'),
    contextFree: library.func('void nft_ctx_free(void *ctx)'),
    bufferOutput: library.func('int nft_ctx_buffer_output(void *ctx)'),
    bufferError: library.func('int nft_ctx_buffer_error(void *ctx)'),
    output: library.func('const char *nft_ctx_get_output_buffer(void *ctx)'),
    error: library.func('const char *nft_ctx_get_error_buffer(void *ctx)'),
    setOutputFlags: library.func('void nft_ctx_output_set_flags(void *ctx, unsigned int flags)'),
    run: library.func('int nft_run_cmd_from_buffer(void *ctx, const char *buf)'),
  };
  return loaded;
}

/**
 * The nft command as a library: rulesets as text, each call one transaction. It works on the namespace in which it was
 * opened. libnftables waits by select(2), which aborts the process when the descriptor of its socket is 1024 or more:
 * open it first thing at start-up, while descriptors are few, and keep it.
 */
export class Nftables implements Disposable {
  readonly #library: Library;
  #context: unknown;

  private constructor(library: Library, context: unknown) {
    this.#library = library;
    this.#context = context;
  }

  /** @throws BerthError `unavailable` where the library or the kernel's nf_tables is missing */
  static open(): Nftables {
    const library = load();
    const context = library.contextNew(NFT_CTX_DEFAULT);
    if (context === null)
      throw new BerthError('unavailable', 'libnftables can make no context: is nf_tables in the kernel?');
    if (library.bufferOutput(context) !== 0 || library.bufferError(context) !== 0) {
      library.contextFree(context);
      throw new BerthError('internal', 'libnftables can not write to memory');
    }
    return new Nftables(library, context);
  }

  /**
   * Carries out commands as the nft program takes them, as one transaction.
   *
   * @throws BerthError `invalid` with nft's own words
   */
  run(commands: string): void {
    this.#execute(commands, 0);
  }

  /** What a `list …` command prints, as text or as JSON. */
  list(command: string, options: { readonly json?: boolean } = {}): string {
    return this.#execute(command, options.json === true ? NFT_CTX_OUTPUT_JSON : 0);
  }

  close(): void {
    if (this.#context === undefined) return;
    this.#library.contextFree(this.#context);
    this.#context = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #execute(commands: string, flags: number): string {
    if (this.#context === undefined) throw new BerthError('internal', 'nftables: used after close');
    this.#library.setOutputFlags(this.#context, flags);
    for (let attempt = 1; ; attempt++) {
      const status = this.#library.run(this.#context, commands);
      const output = this.#library.output(this.#context) ?? '';
      const error = (this.#library.error(this.#context) ?? '').trim();
      if (status === 0) return output;
      if (attempt < ATTEMPTS && error.includes(errnoText('EINTR'))) continue;
      throw new BerthError('invalid', `nftables: ${error || 'refused'}`, { op: 'change firewall' });
    }
  }
}
