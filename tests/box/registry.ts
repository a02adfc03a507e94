import { execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './command.js';
import type { HostInABox } from './host-in-a-box.js';
import { REPOSITORY } from './paths.js';

export interface RegistryOptions {
  /** Host and port on the host's loopback. */
  readonly address: string;
  /** Asked for of everybody, where given. */
  readonly login?: { readonly name: string; readonly password: string };
}

export interface BoxedRegistry {
  stop(): void;
}

/** Debian's docker-registry, on the host of a box. */
export async function startRegistry(
  box: HostInABox,
  { address, login }: RegistryOptions,
): Promise<BoxedRegistry> {
  const folder = join(box.folder, `registry-${address.replaceAll(/\W/g, '-')}`);
  mkdirSync(folder);
  const config = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: address },
    ...(login && { auth: { htpasswd: { realm: 'box', path: join(folder, 'htpasswd') } } }),
  };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  if (login) {
    const line = execFileSync('htpasswd', ['-inB', login.name], { input: login.password, encoding: 'utf8' });
    writeFileSync(join(folder, 'htpasswd'), line.trim());
  }
  const child: ChildProcess = box.startOnHost(program(), 'serve', join(folder, 'config.yml'));
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stdout?.resume();
  await eventually('the registry answers', async () => {
    if (child.exitCode !== null) throw new Error(`the registry ended:\n${log}`);
    return (await box.tryHost(['curl', '-s', `http://${address}/v2/`])).status === 0;
  });
  return { stop: () => child.kill('SIGKILL') };
}

/** Where scripts/setup has unpacked it; it is not installed, since its package would start it. */
function program(): string {
  const unpacked = join(REPOSITORY, '.cache/docker-registry/usr/bin/docker-registry');
  return existsSync(unpacked) ? unpacked : 'docker-registry';
}
