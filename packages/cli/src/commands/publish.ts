import { isIP } from 'node:net';
import { Failure, REFUSED } from './command.js';

export type Bindings = Record<string, { HostIp: string; HostPort: string }[]>;

export interface PublishedPorts {
  /** `8080/tcp`, or a range in one key: `8000-8010/tcp` */
  readonly exposed: Record<string, object>;
  readonly bindings: Bindings;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads `-p` values: `[[ADDRESS:][HOSTPORT]:]PORT[/PROTOCOL]`, ports being numbers or ranges. A range stays one
 * entry, as `8000-8010/tcp`: ten thousand ports are as quick to send as one. A range of the host's for one port of
 * the container stands for a free one of that range.
 *
 * @throws Failure that names the value
 */
export function parsePublished(specs: readonly string[]): PublishedPorts {
  const exposed: Record<string, object> = {};
  const bindings: Bindings = {};
  for (const spec of specs) {
    const { address, host, inside, protocol } = splitSpec(spec);
    const container = parseRange(spec, inside);
    // Docker takes host port 0 for any free one.
    const published = host === '' || host === '0' ? undefined : parseRange(spec, host);
    const last = container.last - container.first;
    if (published !== undefined && last > 0 && published.last - published.first !== last) {
      throw new Failure(
        `invalid ranges specified for container and host Ports: ${inside} and ${host}`,
        REFUSED,
      );
    }
    const key = `${rangeText(container)}/${protocol}`;
    exposed[key] = {};
    const HostPort = published === undefined ? '' : rangeText(published);
    (bindings[key] ??= []).push({ HostIp: address, HostPort });
  }
  return { exposed, bindings };
}

/** Reads the `-p` values of `update`, where `none` stands for no published port at all. @throws Failure */
export function parseReplacement(specs: readonly string[]): Bindings {
  if (!specs.includes('none')) return parsePublished(specs).bindings;
  if (specs.length > 1)
    throw new Failure('conflicting options: cannot specify both -p none and ports to publish', REFUSED);
  return {};
}

/** Reads `--expose` values: `PORT[/PROTOCOL]`, a range staying one entry. @throws Failure */
export function parseExposed(specs: readonly string[]): Record<string, object> {
  const exposed: Record<string, object> = {};
  for (const spec of specs) {
    if (spec.includes(':')) throw new Failure(`invalid port format for --expose: ${spec}`, REFUSED);
    const { inside, protocol } = splitSpec(spec);
    exposed[`${rangeText(parseRange(spec, inside))}/${protocol}`] = {};
  }
  return exposed;
}

function splitSpec(spec: string): { address: string; host: string; inside: string; protocol: string } {
  const [, ports = '', suffix = 'tcp'] = /^(.*?)(?:\/([^/]*))?$/s.exec(spec) ?? [];
  const protocol = suffix.toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    throw refused(spec, `the protocol "${protocol}" should be tcp, udp or sctp`);
  }
  // Read from the right: an IPv6 address has colons of its own, with brackets or, as docker allows, without.
  const pieces = ports.split(':');
  const inside = pieces.pop() ?? '';
  const host = pieces.pop() ?? '';
  const address = pieces.join(':').replace(/^\[(.*)\]$/, '$1');
  if (address !== '' && isIP(address) === 0) throw refused(spec, `"${address}" is no IP address`);
  return { address, host, inside, protocol };
}

function parseRange(spec: string, text: string): Range {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  const valid = first !== '' && range.first > 0 && range.last <= 65535 && range.first <= range.last;
  if (!valid)
    throw refused(spec, `"${text}" is no port; one is a number from 1 to 65535, or a range like 8000-8010`);
  return range;
}

function rangeText({ first, last }: Range): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function refused(spec: string, reason: string): Failure {
  return new Failure(`invalid publish opts format (${spec}): ${reason}`, REFUSED);
}
