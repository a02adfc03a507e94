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
  /** Speak TLS only, with a certificate that nobody knows. */
  readonly tls?: boolean;
}

export interface BoxedRegistry {
  /** With TLS: the file of its certificate. */
  readonly certificate: string;
  stop(): void;
}

/** Debian's docker-registry, on the host of a box. */
export async function startRegistry(
  box: HostInABox,
  { address, login, tls = false }: RegistryOptions,
): Promise<BoxedRegistry> {
  const folder = join(box.folder, `registry-${address.replaceAll(/\W/g, '-')}`);
  mkdirSync(folder);
  const [certificate, key] = [join(folder, 'registry.crt'), join(folder, 'registry.key')];
  if (tls) makeCertificate(address.replace(/:\d+$/, ''), certificate, key);
  const config = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: address, ...(tls && { tls: { certificate, key } }) },
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
    return (await box.tryHost(['curl', '-sk', `http${tls ? 's' : ''}://${address}/v2/`])).status === 0;
  });
  return { certificate, stop: () => child.kill('SIGKILL') };
}

function makeCertificate(host: string, certificate: string, key: string): void {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=registry'],
      ...['-addext', `subjectAltName=IP:${host}`, '-keyout', key, '-out', certificate],
    ],
    { stdio: 'ignore' },
  );
}

/** Where scripts/setup has unpacked it; it is not installed, since its package would start it. */
function program(): string {
  const unpacked = join(REPOSITORY, '.cache/docker-registry/usr/bin/docker-registry');
  return existsSync(unpacked) ? unpacked : 'docker-registry';
}
