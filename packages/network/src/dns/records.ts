import { CLASS_IN, TYPE, type RecordSet } from './message.js';
import type { HostAddresses } from './sandbox-state.js';
import { encodeName, ipv4Bytes, ipv6Bytes, reverseName, wireName, type WireName } from './name.js';

/** Seconds that a client may keep an answer; Docker's own (libnetwork's respTTL). */
const TTL = 600;

/** What one endpoint is called, and where it is. */
export interface EndpointRecord {
  readonly endpointId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly sandboxId: string;
  /** Container name first (it is what reverse lookups answer), then aliases and the short id. */
  readonly names: readonly string[];
  /** What this endpoint's sandbox alone calls others on the network: alias → name. */
  readonly links?: Readonly<Record<string, string>>;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** Everything known about one name of one network, ready to be sent. */
export interface NameEntry {
  readonly a: RecordSet;
  readonly aaaa: RecordSet;
  readonly ptr: RecordSet;
  /** Which address comes first in the next answer. */
  turn: number;
}

/** The names of one network. A map holds the endpoints of each name; what is sent is made on first use. */
class NetworkNames {
  readonly #simple = new Map<WireName, NamedEndpoints>();
  readonly #qualified = new Map<WireName, NamedEndpoints>();
  #endpoints = 0;

  get isEmpty(): boolean {
    return this.#endpoints === 0;
  }

  simple(name: WireName): NameEntry | undefined {
    return this.#simple.get(name)?.entry;
  }

  qualified(name: WireName): NameEntry | undefined {
    return this.#qualified.get(name)?.entry;
  }

  add(record: EndpointRecord): void {
    this.#endpoints++;
    for (const [map, name, build] of this.#keys(record)) {
      const named = map.get(name);
      if (named) named.add(record);
      else map.set(name, new NamedEndpoints(record, build));
    }
  }

  remove(record: EndpointRecord): void {
    this.#endpoints--;
    for (const [map, name] of this.#keys(record)) {
      const named = map.get(name);
      if (named?.remove(record)) map.delete(name);
    }
  }

  *#keys(record: EndpointRecord): Generator<[Map<WireName, NamedEndpoints>, WireName, BuildEntry]> {
    for (const name of record.names) {
      const simple = wireName(name);
      const qualified = wireName(`${name}.${record.networkName}`);
      if (simple !== undefined) yield [this.#simple, simple, forwardEntry];
      if (qualified !== undefined) yield [this.#qualified, qualified, forwardEntry];
    }
    for (const address of [record.ipv4, record.ipv6]) {
      const reverse = address === undefined ? undefined : wireName(reverseName(address) ?? '');
      if (reverse !== undefined && record.names.length > 0) yield [this.#qualified, reverse, reverseEntry];
    }
  }
}

type BuildEntry = (records: readonly EndpointRecord[]) => NameEntry;

/** The endpoints that share one name. */
class NamedEndpoints {
  readonly #records: Set<EndpointRecord>;
  readonly #build: BuildEntry;
  #entry: NameEntry | undefined;

  constructor(record: EndpointRecord, build: BuildEntry) {
    this.#records = new Set([record]);
    this.#build = build;
  }

  get entry(): NameEntry {
    this.#entry ??= this.#build([...this.#records]);
    return this.#entry;
  }

  add(record: EndpointRecord): void {
    this.#records.add(record);
    this.#entry = undefined;
  }

  /** @returns whether nobody has the name any more */
  remove(record: EndpointRecord): boolean {
    this.#records.delete(record);
    this.#entry = undefined;
    return this.#records.size === 0;
  }
}

/** Who is called what on which network, and which networks a sandbox is on. */
export class Records {
  readonly #endpoints = new Map<string, EndpointRecord>();
  readonly #networks = new Map<string, NetworkNames>();
  readonly #sandboxes = new Map<string, Map<string, NetworkNames>>();
  readonly #links = new Map<string, ReadonlyMap<WireName, WireName>>();

  /** Adds an endpoint, or replaces what was known about it; holds from the next question on. */
  set(record: EndpointRecord): void {
    const earlier = this.#endpoints.get(record.endpointId);
    let network = this.#networks.get(record.networkId);
    if (network && earlier?.networkId === record.networkId && earlier.sandboxId === record.sandboxId) {
      // Only its names or addresses change: its network keeps its place in the sandbox's order.
      network.remove(earlier);
      network.add(record);
      this.#endpoints.set(record.endpointId, record);
      this.#setLinks(record);
      return;
    }
    this.remove(record.endpointId);
    network = this.#networks.get(record.networkId);
    if (!network) {
      network = new NetworkNames();
      this.#networks.set(record.networkId, network);
    }
    network.add(record);
    this.#endpoints.set(record.endpointId, record);
    this.#setLinks(record);
    const networks = this.#sandboxes.get(record.sandboxId);
    if (networks) networks.set(record.endpointId, network);
    else this.#sandboxes.set(record.sandboxId, new Map([[record.endpointId, network]]));
  }

  /** Forgets an endpoint; one that isn't known is no error. */
  remove(endpointId: string): void {
    const record = this.#endpoints.get(endpointId);
    if (!record) return;
    this.#endpoints.delete(endpointId);
    this.#links.delete(endpointId);
    const network = this.#networks.get(record.networkId);
    network?.remove(record);
    if (network?.isEmpty) this.#networks.delete(record.networkId);
    const networks = this.#sandboxes.get(record.sandboxId);
    networks?.delete(endpointId);
    if (networks?.size === 0) this.#sandboxes.delete(record.sandboxId);
  }

  /**
   * What `sandboxId` sees under `name`: on the networks that it is on, in the order of their attachment,
   * plain names before `NAME.NETWORK` and reverse names. A network that has a record of the wanted type
   * wins over an earlier one that only knows the name.
   */
  lookup(sandboxId: string, name: WireName, type: number): NameEntry | undefined {
    const networks = this.#sandboxes.get(sandboxId);
    if (!networks) return undefined;
    const linked = this.#linked(networks, name);
    if (linked) return linked;
    let known: NameEntry | undefined;
    for (const network of networks.values()) {
      const entry = network.simple(name);
      if (entry && recordsOf(entry, type).count > 0) return entry;
      known ??= entry;
    }
    if (known) return known;
    for (const network of networks.values()) {
      const entry = network.qualified(name);
      if (entry && recordsOf(entry, type).count > 0) return entry;
      known ??= entry;
    }
    return known;
  }

  /** What `NAME.NETWORK` is on any network: for who asks from the host. */
  lookupAnywhere(name: WireName): NameEntry | undefined {
    for (const network of this.#networks.values()) {
      const entry = network.qualified(name);
      if (entry && entry.ptr.count === 0) return entry;
    }
    return undefined;
  }

  /** Whom the sandbox's own links mean by a name. */
  #linked(networks: ReadonlyMap<string, NetworkNames>, name: WireName): NameEntry | undefined {
    for (const [endpointId, network] of networks) {
      const target = this.#links.get(endpointId)?.get(name);
      const entry = target === undefined ? undefined : network.simple(target);
      if (entry) return entry;
    }
    return undefined;
  }

  #setLinks({ endpointId, links = {} }: EndpointRecord): void {
    const known = new Map<WireName, WireName>();
    for (const [alias, target] of Object.entries(links)) {
      const [from, to] = [wireName(alias), wireName(target)];
      if (from !== undefined && to !== undefined) known.set(from, to);
    }
    if (known.size > 0) this.#links.set(endpointId, known);
    else this.#links.delete(endpointId);
  }
}

/** What the host is called from within a container: Docker Desktop's name, and Podman's. */
const HOST_NAMES: ReadonlySet<WireName | undefined> = new Set(
  ['host.docker.internal', 'host.containers.internal'].map(wireName),
);
const hostEntries = new WeakMap<HostAddresses, NameEntry>();

/** The host's addresses, where that is what a sandbox asks for. */
export function hostEntry({ host }: { readonly host: HostAddresses }, name: WireName): NameEntry | undefined {
  if (!HOST_NAMES.has(name)) return undefined;
  const known = hostEntries.get(host);
  if (known !== undefined) return known;
  const { ipv4, ipv6 } = host;
  if (ipv4 === undefined && ipv6 === undefined) return undefined;
  const entry: NameEntry = {
    a: recordSet(TYPE.A, ipv4 === undefined ? [] : [ipv4Bytes(ipv4)]),
    aaaa: recordSet(TYPE.AAAA, ipv6 === undefined ? [] : [ipv6Bytes(ipv6)]),
    ptr: NONE,
    turn: 0,
  };
  hostEntries.set(host, entry);
  return entry;
}

const NONE: RecordSet = { bytes: Buffer.alloc(0), count: 0 };

/** The records of one type that a name has. */
export function recordsOf(entry: NameEntry, type: number): RecordSet {
  switch (type) {
    case TYPE.A:
      return entry.a;
    case TYPE.AAAA:
      return entry.aaaa;
    case TYPE.PTR:
      return entry.ptr;
    default:
      return NONE;
  }
}

function forwardEntry(records: readonly EndpointRecord[]): NameEntry {
  const v4 = new Set(records.flatMap((record) => record.ipv4 ?? []));
  const v6 = new Set(records.flatMap((record) => record.ipv6 ?? []));
  return {
    a: recordSet(TYPE.A, [...v4].map(ipv4Bytes)),
    aaaa: recordSet(TYPE.AAAA, [...v6].map(ipv6Bytes)),
    ptr: NONE,
    turn: 0,
  };
}

function reverseEntry(records: readonly EndpointRecord[]): NameEntry {
  const target = records
    .flatMap((record) => record.names.map((name) => encodeName(`${name}.${record.networkName}`)))
    .find((encoded) => encoded !== undefined);
  return { a: NONE, aaaa: NONE, ptr: recordSet(TYPE.PTR, target ? [target] : []), turn: 0 };
}

/** Records whose owner is the question's name, as a pointer to it (RFC 1035 section 4.1.4). */
function recordSet(type: number, data: readonly Buffer[]): RecordSet {
  const bytes = data.map((rdata) => {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(0xc00c, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(CLASS_IN, 4);
    head.writeUInt32BE(TTL, 6);
    head.writeUInt16BE(rdata.length, 10);
    return Buffer.concat([head, rdata]);
  });
  return { bytes: Buffer.concat(bytes), count: data.length };
}
