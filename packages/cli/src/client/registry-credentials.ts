import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
}

/** Docker's own name for its hub, in its configuration. */
const HUB = 'https://index.docker.io/v1/';

/** The registry that an image's name points to: what is before the first slash, if it looks like a host. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : HUB;
}

/**
 * What `X-Registry-Auth` says for an image's registry: what `docker login` has stored, in the form of the API.
 *
 * @param folder where docker keeps its configuration
 */
export function registryAuth(
  image: string,
  folder = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'),
): string {
  const registry = registryOf(image);
  let config: DockerConfig = {};
  try {
    config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as DockerConfig;
  } catch {
    // Nobody has logged in.
  }
  const stored = config.auths?.[registry];
  const [username = '', ...password] = Buffer.from(stored?.auth ?? '', 'base64')
    .toString()
    .split(':');
  const auth = {
    ...(username === '' ? {} : { username, password: password.join(':') }),
    ...(stored?.identitytoken === undefined ? {} : { identitytoken: stored.identitytoken }),
    serveraddress: registry,
  };
  return Buffer.from(JSON.stringify(auth)).toString('base64url');
}
