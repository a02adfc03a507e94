import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/** Servers that are tried at most; libc's own limit (MAXNS of resolv.h), and Docker's. */
export const MAX_SERVERS = 3;

interface CachedFile {
  readonly version: string;
  readonly servers: readonly string[];
}

const cache = new Map<string, CachedFile>();

/** The addresses of the `nameserver` lines of a resolv.conf(5), in order; what is no address is skipped. */
export function parseNameservers(text: string): string[] {
  return text
    .split('\n')
    .map((line) => /^nameserver[ \t]+(\S+)/.exec(line)?.[1])
    .filter((server): server is string => server !== undefined && isIP(server) !== 0)
    .slice(0, MAX_SERVERS);
}

/**
 * The host's resolvers. The file is read again only when it has changed, so that a change holds from the
 * next call on and a call costs one stat.
 *
 * @returns none when the file is missing or names none
 */
export function hostResolvers(path = '/etc/resolv.conf'): string[] {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!stat) return [];
  const version = `${stat.dev.toString()}:${stat.ino.toString()}:${stat.mtimeNs.toString()}:${stat.size.toString()}`;
  const cached = cache.get(path);
  if (cached?.version === version) return [...cached.servers];
  const servers = parseNameservers(readFileSync(path, 'utf8'));
  cache.set(path, { version, servers });
  return servers;
}

/** A resolver on the host's loopback (systemd-resolved's 127.0.0.53, dnsmasq) can't be reached from another network stack. */
export function isLoopbackAddress(server: string): boolean {
  return server.startsWith('127.') || server === '::1';
}
