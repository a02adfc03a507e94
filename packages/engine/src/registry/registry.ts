import { BerthError, isBerthError } from '@berth/core';
import { digestOf } from '../images/digest.js';
import type { Images } from '../images/images.js';
import { readManifest, MEDIA, type Platform } from '../images/manifest.js';
import { registryReference, type RegistryReference } from '../images/reference.js';
import type { Report } from '../model.js';
import { registryFailure } from './failures.js';
import { pullImage, type PullOptions, type RegistryOptions } from './pull.js';
import { pushImage } from './push.js';
import { dockerUrl, HUB, isLoopback, Skopeo, type Credentials } from './skopeo.js';

/** What a registry says of an image, without fetching it. */
export interface RemoteImage {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes of the manifest or index. */
  readonly size: number;
  readonly platforms: readonly Platform[];
}

/** Images that come from and go to registries. skopeo speaks with them; without it everything else goes on. */
export class Registry {
  readonly #images: Images;
  readonly #skopeo: Skopeo;

  /** @param find the path of skopeo; throws BerthError `unavailable` naming the package */
  constructor(images: Images, find: () => string) {
    this.#images = images;
    this.#skopeo = new Skopeo(find);
  }

  /**
   * Fetches an image; all tags of the repository where neither tag nor digest is given.
   *
   * @param tag a tag or a digest; goes before that in the name
   * @throws BerthError `not-found` in Docker's words for what the registry does not have or show
   */
  async pull(name: string, tag: string | undefined, options: PullOptions, report: Report): Promise<void> {
    const reference = registryReference(name, tag);
    const named = tag !== undefined || name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/');
    const references = named
      ? [reference]
      : (await this.#tags(reference, options)).map((each) => registryReference(name, each));
    for (const each of references) {
      await this.#told('pull', each, () => pullImage(this.#images, this.#skopeo, each, options, report));
    }
  }

  /**
   * Sends an image to the registry that its name tells; with all of its tags where none is given.
   *
   * @throws BerthError `not-found` if no image has that name
   */
  async push(name: string, tag: string | undefined, options: RegistryOptions, report: Report): Promise<void> {
    const { repository } = registryReference(name);
    const own = this.#images
      .list()
      .flatMap(({ repoTags }) => repoTags)
      .filter((each) => each.slice(0, each.lastIndexOf(':')) === repository)
      .map((each) => each.slice(each.lastIndexOf(':') + 1));
    if (own.length === 0) {
      throw new BerthError('not-found', `An image does not exist locally with the tag: ${repository}`, {
        subject: name,
      });
    }
    for (const each of tag === undefined ? own : [tag]) {
      const reference = registryReference(repository, each);
      await this.#told('push', reference, () =>
        pushImage(this.#images, this.#skopeo, reference, options, report),
      );
    }
  }

  /** Asks the registry about an image. @throws BerthError `not-found` */
  async inspect(name: string, options: RegistryOptions): Promise<RemoteImage> {
    const reference = registryReference(name);
    return this.#told('pull', reference, () =>
      this.#images.layers.session(async ({ folder }) => {
        const which = reference.digest ?? reference.tag ?? 'latest';
        const call = { folder, registry: reference.registry, ...options };
        const tls = isLoopback(reference.registry) ? ['--tls-verify=false'] : [];
        const read = (...flags: string[]) =>
          this.#skopeo.run(['inspect', '--raw', ...flags, ...tls, dockerUrl(reference, which)], call);
        const raw = await read();
        const manifest = readManifest(raw.toString('utf8'), name);
        const platforms =
          'manifests' in manifest
            ? manifest.manifests.map(({ platform }) => platform)
            : [JSON.parse((await read('--config')).toString('utf8')) as Partial<Platform>];
        return {
          mediaType: 'manifests' in manifest ? indexType(raw) : manifest.mediaType,
          digest: digestOf(raw),
          size: raw.length,
          platforms: platforms.flatMap((platform) =>
            platform?.os === undefined || platform.architecture === undefined
              ? []
              : [
                  {
                    architecture: platform.architecture,
                    os: platform.os,
                    ...(platform.variant !== undefined && { variant: platform.variant }),
                  },
                ],
          ),
        };
      }),
    );
  }

  /**
   * Whether a registry knows somebody.
   *
   * @throws BerthError `forbidden` if it does not, `unavailable` if it does not answer
   */
  async login(server: string, { username = '', password = '' }: Credentials): Promise<void> {
    const registry = registryOf(server);
    if (username === '' || password === '')
      throw new BerthError('invalid', 'a login needs a username and a password');
    await this.#images.layers.session(async ({ folder }) => {
      const tls = isLoopback(registry) ? ['--tls-verify=false'] : [];
      try {
        await this.#skopeo.run(['login', ...tls, '--username', username, '--password-stdin', registry], {
          folder,
          registry,
          input: password,
        });
      } catch (error) {
        if (!isBerthError(error, 'internal')) throw error;
        if (/invalid username|unauthorized|denied/i.test(error.message)) {
          throw new BerthError(
            'forbidden',
            `login attempt to https://${registry}/v2/ failed with status: 401 Unauthorized`,
            { subject: registry, cause: error },
          );
        }
        throw new BerthError('unavailable', `cannot log in at ${registry}: ${error.message}`, {
          cause: error,
        });
      }
    });
  }

  async #tags(reference: RegistryReference, options: RegistryOptions): Promise<string[]> {
    return this.#told('pull', reference, () =>
      this.#images.layers.session(async ({ folder }) => {
        const { registry, path } = reference;
        const tls = isLoopback(registry) ? ['--tls-verify=false'] : [];
        const output = await this.#skopeo.run(['list-tags', ...tls, `docker://${registry}/${path}`], {
          folder,
          registry,
          ...options,
        });
        const { Tags = [] } = JSON.parse(output.toString('utf8')) as { Tags?: string[] };
        return Tags;
      }),
    );
  }

  async #told<T>(verb: 'pull' | 'push', reference: RegistryReference, work: () => Promise<T>): Promise<T> {
    const { repository, tag, digest } = reference;
    try {
      return await work();
    } catch (error) {
      const name = digest === undefined ? `${repository}:${tag ?? 'latest'}` : `${repository}@${digest}`;
      throw registryFailure(error, verb, reference, name);
    }
  }
}

/** `https://index.docker.io/v1/`, `127.0.0.1:5000`, `https://harbour.example/` as a registry's name. */
function registryOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io' ? HUB : host;
}

function indexType(raw: Buffer): string {
  const { mediaType } = JSON.parse(raw.toString('utf8')) as { mediaType?: string };
  return mediaType ?? MEDIA.ociIndex;
}
