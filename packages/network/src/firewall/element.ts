import {
  nftKeys,
  type NftElement,
  type NftElements,
  type NftFamily,
  type TransportProtocol,
} from '@berth/kernel';

/** A value in the key or the data of a set's element, as nft(8) writes it and as the kernel takes it. */
export interface Field {
  readonly text: string;
  readonly bytes: Buffer;
  /** The last value of an interval. */
  readonly last: Buffer;
}

const single = (text: string, bytes: Buffer): Field => ({ text, bytes, last: bytes });

/** The fields that our sets are made of, by nft's data types. */
export const field = {
  /** `ifname` */
  link: (name: string): Field => single(`"${name}"`, nftKeys.interfaceName(name)),
  /** `ipv4_addr`, `ipv6_addr` */
  address: (text: string): Field => single(text, nftKeys.address(text)),
  /** An address where nft sees a number only. */
  number(text: string): Field {
    const bytes = nftKeys.address(text);
    return single(`0x${bytes.toString('hex')}`, bytes);
  },
  /** `ether_addr` */
  mac: (text: string): Field => single(text, nftKeys.etherAddress(text)),
  /** `inet_proto` */
  protocol: (name: TransportProtocol): Field => single(name, nftKeys.protocol(name)),
  /** `inet_service` */
  port: (port: number): Field => single(String(port), nftKeys.service(port)),
  /** `inet_service` of an interval set */
  ports: (first: number, count: number): Field => ({
    text: count === 1 ? String(first) : `${first}-${first + count - 1}`,
    bytes: nftKeys.service(first),
    last: nftKeys.service(first + count - 1),
  }),
};

/** An element of one of our sets or maps. */
export interface SetElement {
  readonly set: string;
  readonly key: readonly Field[];
  readonly data?: readonly Field[];
  /** Whether the set has intervals: the kernel then wants both ends of every element. */
  readonly interval?: boolean;
}

/** The elements as changes of the kernel's sets. */
export function asNetlink(family: NftFamily, table: string, elements: readonly SetElement[]): NftElements[] {
  const sets = new Map<string, NftElement[]>();
  for (const { set, key, data, interval } of elements) {
    const list = sets.get(set) ?? [];
    sets.set(set, list);
    list.push({
      key: join(key.map(({ bytes }) => bytes)),
      ...(interval === true && { keyEnd: join(key.map(({ last }) => last)) }),
      ...(data && { data: join(data.map(({ bytes }) => bytes)) }),
    });
  }
  return [...sets].map(([set, list]) => ({ family, table, set, elements: list }));
}

/** What a set's declaration says of its elements; nothing where there are none. */
export function asText(set: string, elements: readonly SetElement[]): string {
  const texts = elements
    .filter((element) => element.set === set)
    .map(({ key, data }) => {
      const left = key.map(({ text }) => text).join(' . ');
      return data === undefined ? left : `${left} : ${data.map(({ text }) => text).join(' . ')}`;
    });
  return texts.length === 0 ? '' : `elements = { ${[...new Set(texts)].join(', ')} }`;
}

function join(fields: readonly Buffer[]): Buffer {
  const [only] = fields;
  return fields.length === 1 && only !== undefined ? only : nftKeys.concat(...fields);
}
