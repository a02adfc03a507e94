import { isIP } from 'node:net';
import { Failure, REFUSED } from './command.js';

export interface PublishedPorts {
  /** `8080/tcp` */
  readonly exposed: Record<string, object>;
  readonly bindings: Record<string, { HostIp: string; HostPort: string }[]>;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads `-p` values: `[[ADDRESS:][HOSTPORT]:]PORT[/PROTOCOL]`, ports being numbers or ranges.
 *
 * @throws Failure that names the value
 */
export function parsePublished(specs: readonly string[]): PublishedPorts {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const spec of specs) {
    const { address, host, inside, protocol } = splitSpec(spec);
    const container = parseRange(spec, inside);
    // Docker takes host port 0 for any free one.
    const published = host === '' || host === '0' ? undefined : parseRange(spec, host);
    const count = container.last - container.first;
    if (published !== undefined && published.last - published.first !== count) {
      if (count === 0) {
        const reason = `a range of host ports (${host}) for one port is not supported by Berth; give one port, or none for any free one`;
        throw refused(spec, reason);
      }
      throw refused(spec, `the ranges ${host} and ${inside} are not of the same length`);
    }
    for (let offset = 0; offset <= count; offset++) {
      const key = `${container.first + offset}/${protocol}`;
      exposed[key] = {};
      const HostPort = published === undefined ? '' : String(published.first + offset);
      (bindings[key] ??= []).push({ HostIp: address, HostPort });
    }
  }
  return { exposed, bindings };
}

/** Reads `--expose` values. @throws Failure */
export function parseExposed(specs: readonly string[]): Record<string, object> {
  const exposed: Record<string, object> = {};
  for (const spec of specs) {
    const { inside, protocol } = splitSpec(spec);
    const { first, last } = parseRange(spec, inside);
    for (let port = first; port <= last; port++) exposed[`${port}/${protocol}`] = {};
  }
  return exposed;
}

function splitSpec(spec: string): { address: string; host: string; inside: string; protocol: string } {
  const [, ports = '', suffix = 'tcp'] = /^(.*?)(?:\/([^/]*))?$/.exec(spec) ?? [];
  const protocol = suffix.toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    throw refused(spec, `the protocol "${protocol}" should be tcp or udp`);
  }
  const [, address, rest] = /^(?:(\[[^\]]*\]|[\d.]+):(?=.*:|[^:]*$))?(.*)$/.exec(ports) ?? [];
  const pieces = ports.split(':');
  if (pieces.length === 1) return { address: '', host: '', inside: ports, protocol };
  if (pieces.length === 2) return { address: '', host: pieces[0] ?? '', inside: pieces[1] ?? '', protocol };
  const bracketed = address?.startsWith('[') === true;
  const [host = '', inside = ''] = bracketed ? (rest ?? '').split(':') : pieces.slice(1);
  const plain = bracketed ? address.slice(1, -1) : (pieces[0] ?? '');
  if (isIP(plain) === 0 || (!bracketed && pieces.length > 3))
    throw refused(spec, `"${plain}" is no IP address`);
  return { address: plain, host, inside, protocol };
}

function parseRange(spec: string, text: string): Range {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  const valid = first !== '' && range.first > 0 && range.last <= 65535 && range.first <= range.last;
  if (!valid)
    throw refused(spec, `"${text}" is no port; one is a number from 1 to 65535, or a range like 8000-8010`);
  return range;
}

function refused(spec: string, reason: string): Failure {
  return new Failure(`invalid publish opts format (${spec}): ${reason}`, REFUSED);
}
