import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BerthError, isBerthError } from '@berth/core';
import { decompressed } from '../images/decompress.js';
import { baseImages } from '../images/dockerfile.js';
import { nameFor, type Images } from '../images/images.js';
import type { LayerSession } from '../images/layer-session.js';
import { unmountBelow } from '../images/layers.js';
import { readManifest } from '../images/manifest.js';
import { readImageConfig } from '../images/oci-image.js';
import { registryReference } from '../images/reference.js';
import { shortImageId } from '../images/table.js';
import { killTool, rememberTool } from '../images/tool-process.js';
import { unpack } from '../images/unpack.js';
import type { ImageId, Report } from '../model.js';
import { childEnvironment } from './environment.js';
import { isLoopback, type Credentials } from './skopeo.js';

/** What a client asks for when it has an image built. */
export interface BuildOptions {
  /** Of the Dockerfile, below the context's root. */
  readonly dockerfile: string;
  /** `name[:tag]`. */
  readonly names: readonly string[];
  readonly arguments: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `name:address`. */
  readonly extraHosts: readonly string[];
  readonly target?: string | undefined;
  readonly platform?: string | undefined;
  /** Ask registries for newer images even where one is here. */
  readonly pull: boolean;
  /** Say nothing but the image's id. */
  readonly quiet: boolean;
  /** By registry. */
  readonly credentials: Readonly<Record<string, Credentials>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds an image by a Dockerfile, with buildah, which works in a storage of its own that is gone afterwards. Images that
 * are here are handed to it first. Its instructions run in a chroot, with the host's network.
 *
 * @param context a tar
 * @throws BerthError `invalid` with buildah's own last words if the build fails; nothing is left then
 */
export async function buildImage(
  images: Images,
  buildah: string,
  context: Readable,
  options: BuildOptions,
  report: Report,
): Promise<ImageId> {
  const names = options.names.map((name) => nameFor(name, undefined) ?? '');
  try {
    return await images.layers.session((session) =>
      new Build(images, buildah, options, report, session).run(context, names),
    );
  } finally {
    context.destroy();
  }
}

class Build {
  readonly #images: Images;
  readonly #program: string;
  readonly #options: BuildOptions;
  readonly #report: Report;
  readonly #session: LayerSession;

  constructor(images: Images, program: string, options: BuildOptions, report: Report, session: LayerSession) {
    this.#images = images;
    this.#program = program;
    this.#options = options;
    this.#report = report;
    this.#session = session;
  }

  async run(source: Readable, names: readonly string[]): Promise<ImageId> {
    const { quiet } = this.#options;
    const context = this.#session.fresh('context');
    await unpack(await decompressed(source), this.#session.fresh('tar'), context);
    const dockerfile = await this.#dockerfile(context);
    const bases = baseImages(await readFile(dockerfile, 'utf8'), this.#options.arguments);
    await this.#configure(bases);
    if (!this.#options.pull) for (const base of bases) await this.#handOver(base);
    const idFile = this.#session.fresh('id');
    await this.#run(this.#arguments(context, dockerfile, idFile), (line) => {
      if (!quiet)
        this.#report({ stream: `${line.replace(/^(\[\d+\/\d+\] )?STEP (\d+\/\d+): /, '$1Step $2 : ')}\n` });
    });
    const built = (await readFile(idFile, 'utf8')).trim();
    const id = await this.#take(built);
    for (const name of names) this.#images.table.tag(id, name);
    this.#report({ aux: { ID: id } });
    this.#report({ stream: quiet ? `${id}\n` : `Successfully built ${shortImageId(id)}\n` });
    if (!quiet) for (const name of names) this.#report({ stream: `Successfully tagged ${name}\n` });
    return id;
  }

  /** @throws BerthError `invalid` unless it is a file within the context */
  async #dockerfile(context: string): Promise<string> {
    const { dockerfile } = this.#options;
    const root = await realpath(context);
    const path = await realpath(join(root, dockerfile)).catch(() => undefined);
    if (path === undefined || !path.startsWith(`${root}/`) || !(await lstat(path)).isFile()) {
      throw new BerthError(
        'invalid',
        `failed to read dockerfile: open ${dockerfile}: no such file or directory`,
      );
    }
    return path;
  }

  /** What buildah would else read from the host: where to keep, whom to trust, whom to ask. */
  async #configure(bases: readonly string[]): Promise<void> {
    const { folder } = this.#session;
    await mkdir(join(folder, '.config/containers'), { recursive: true });
    const policy = { default: [{ type: 'insecureAcceptAnything' }] };
    await writeFile(join(folder, '.config/containers/policy.json'), JSON.stringify(policy));
    await writeFile(
      join(folder, 'storage.conf'),
      `[storage]\ndriver = "vfs"\nrunroot = "${folder}/run"\ngraphroot = "${folder}/storage"\n`,
    );
    const local = new Set(bases.flatMap(registryOf).filter(isLoopback));
    const insecure = [...local].map(
      (registry) => `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`,
    );
    await writeFile(
      join(folder, 'registries.conf'),
      `unqualified-search-registries = ["docker.io"]\nshort-name-mode = "disabled"\n${insecure.join('')}`,
    );
    const auths = Object.entries(this.#options.credentials).map(
      ([registry, { username = '', password = '' }]) => [
        registry,
        { auth: Buffer.from(`${username}:${password}`).toString('base64') },
      ],
    );
    await writeFile(
      join(folder, 'auth.json'),
      JSON.stringify({ auths: Object.fromEntries(auths) as unknown }),
      { mode: 0o600 },
    );
  }

  /** Gives buildah an image that is here, under its name. */
  async #handOver(name: string): Promise<void> {
    try {
      this.#images.get(name);
    } catch (error) {
      if (isBerthError(error)) return;
      throw error;
    }
    const stored = this.#images.table.nameOf(name);
    if (stored === undefined || stored.includes('@')) return;
    const archive = this.#session.fresh('base');
    await pipeline(this.#images.save([stored]), createWriteStream(archive, { mode: 0o600 }));
    await this.#run(['pull', '--quiet', `docker-archive:${archive}`]);
  }

  #arguments(context: string, dockerfile: string, idFile: string): string[] {
    const { target, platform, labels, extraHosts, pull } = this.#options;
    const pairs = (flag: string, values: Readonly<Record<string, string>>) =>
      Object.entries(values).map(([name, value]) => `${flag}=${name}=${value}`);
    return [
      ...['bud', '--isolation', 'chroot', '--network', 'host', '--format', 'docker', '--layers=false'],
      ...['--identity-label=false', '--iidfile', idFile, '--file', dockerfile],
      ...['--authfile', join(this.#session.folder, 'auth.json'), `--pull=${pull ? 'always' : 'false'}`],
      ...(target === undefined ? [] : ['--target', target]),
      ...(platform === undefined ? [] : ['--platform', platform]),
      ...pairs('--build-arg', this.#options.arguments),
      ...pairs('--label', labels),
      ...extraHosts.map((entry) => `--add-host=${entry}`),
      context,
    ];
  }

  /** Takes what was built out of buildah's storage. */
  async #take(built: string): Promise<ImageId> {
    const out = this.#session.fresh('built');
    await this.#run(['push', '--quiet', '--format', 'docker', built, `dir:${out}`]);
    const manifest = readManifest(await readFile(join(out, 'manifest.json'), 'utf8'), 'the image');
    if ('manifests' in manifest) throw new BerthError('internal', 'buildah has made an index, not an image');
    const blob = (digest: string) => join(out, digest.replace('sha256:', ''));
    const text = await readFile(blob(manifest.config.digest), 'utf8');
    const image = readImageConfig(text);
    for (const [index, diffId] of image.diffIds.entries()) {
      if (this.#session.claim(diffId)) continue;
      const digest = manifest.layers[index]?.digest ?? '';
      const path = blob(digest);
      await this.#session.add(createReadStream(path), { expected: diffId, blob: { path, digest } });
    }
    return this.#images.record(image, {}, text);
  }

  /** @throws BerthError `invalid` with its last words */
  async #run(args: readonly string[], onLine: (line: string) => void = () => undefined): Promise<void> {
    const { folder } = this.#session;
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const child = spawn(this.#program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...childEnvironment(folder),
        CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
        CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf'),
      },
      // With a process group of its own, what it runs can be ended with it.
      detached: true,
    });
    rememberTool(folder, child.pid);
    const kill = () => {
      killTool(child.pid);
    };
    signal?.addEventListener('abort', kill, { once: true });
    let last = '';
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        if (line.trim() !== '') last = line;
        onLine(line);
      });
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject).on('close', resolve);
      });
      signal?.throwIfAborted();
      if (code !== 0) throw new BerthError('invalid', failure(last));
    } finally {
      unmountBelow(folder);
      signal?.removeEventListener('abort', kill);
    }
  }
}

function registryOf(name: string): string[] {
  try {
    return [registryReference(name).registry];
  } catch {
    return [];
  }
}

/** `error building at STEP "RUN false": error while running runtime: exit status 1` in Docker's words. */
function failure(line: string): string {
  const text = line.replace(/^(?:Error: |error: )/i, '').replace(/^time="[^"]*" level=\w+ msg="?/, '');
  const [, command, status] = /STEP "RUN (.*)": .*exit status (\d+)/.exec(text) ?? [];
  if (command === undefined || status === undefined) return text;
  return `The command '/bin/sh -c ${command}' returned a non-zero code: ${status}`;
}
