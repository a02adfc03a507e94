import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { link, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import type { ArchiveKind } from './archive-paths.js';
import { decompressed } from './decompress.js';
import { digestOfFile } from './digest.js';
import type { Adopt, Layer, LayerBlob, Layers } from './layers.js';
import { unpack } from './unpack.js';

/** A blob that is there already, as a file. */
export interface BlobFile {
  readonly path: string;
  /** Where it has been verified. */
  readonly digest?: string;
}

/** One operation's work on layers. */
export class LayerSession {
  /** Private to the operation, on the file system of the layers. */
  readonly folder: string;
  readonly #layers: Layers;
  readonly #hold: (diffId: string) => void;
  readonly #adopt: Adopt;
  #count = 0;

  constructor(layers: Layers, folder: string, hold: (diffId: string) => void, adopt: Adopt) {
    this.#layers = layers;
    this.folder = folder;
    this.#hold = hold;
    this.#adopt = adopt;
  }

  /** Whether the layer is there; if so, it stays until the operation has ended. */
  claim(diffId: string): boolean {
    this.#hold(diffId);
    return this.#layers.has(diffId);
  }

  /** A path in the private folder that nobody has used. */
  fresh(name: string): string {
    this.#count += 1;
    return join(this.folder, `${name}-${this.#count}`);
  }

  /**
   * Unpacks a tar (plain, gzip or zstd) into a layer.
   *
   * @param blob the tar's compressed bytes, as a file to link to; where it is missing, the tar is compressed with gzip
   * @throws BerthError `invalid`: no tar, cut short, an entry leaves the root, or not the expected digest
   */
  async add(
    source: Readable,
    {
      kind = 'layer',
      expected,
      blob,
    }: { readonly kind?: ArchiveKind; readonly expected?: string; readonly blob?: BlobFile } = {},
  ): Promise<Layer> {
    const [spool, root] = [this.fresh('tar'), this.fresh('root')];
    const compression = { name: 'none' };
    try {
      const plain = await decompressed(source, (name) => (compression.name = name));
      const unpacked = await unpack(plain, spool, root, { kind, expected });
      this.#hold(unpacked.diffId);
      if (this.#layers.has(unpacked.diffId)) return this.#layers.get(unpacked.diffId);
      const { name } = compression;
      if (blob !== undefined && (name === 'gzip' || name === 'zstd')) {
        const digest = blob.digest ?? (await digestOfFile(blob.path));
        return await this.#adopt(unpacked, root, () => this.#link(blob.path, digest, name));
      }
      const { file, ...packed } = await this.#compress(spool);
      return await this.#adopt(unpacked, root, async () => {
        await rename(file, this.#layers.blobPath(packed.digest));
        return packed;
      });
    } finally {
      source.destroy();
      await rm(spool, { force: true });
      await rm(root, { recursive: true, force: true });
    }
  }

  async #link(path: string, digest: string, compression: LayerBlob['compression']): Promise<LayerBlob> {
    const target = this.#layers.blobPath(digest);
    if (!existsSync(target)) await link(path, target);
    return { digest, size: (await stat(target)).size, compression };
  }

  /** With the fastest level: it is written once here, and often never read again. */
  async #compress(tar: string): Promise<LayerBlob & { readonly file: string }> {
    const file = this.fresh('blob');
    const hash = createHash('sha256');
    let size = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        size += chunk.length;
        done(null, chunk);
      },
    });
    await pipeline(
      createReadStream(tar),
      createGzip({ level: constants.Z_BEST_SPEED }),
      count,
      createWriteStream(file, { mode: 0o600 }),
    );
    const digest = `sha256:${hash.digest('hex')}`;
    return { digest, size, compression: 'gzip', file };
  }
}
