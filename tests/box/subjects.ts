import { beforeAll } from 'vitest';
import { eventually } from './command.js';
import { useBox, type BoxFixture } from './fixture.js';
import { HOST_ADDRESS, type HostInABox } from './host-in-a-box.js';
import {
  HOST_ADDRESS6,
  addIPv6,
  connects,
  inContainer,
  onHost,
  onOutside,
  pings,
  stationOf,
  type Place,
  type Station,
} from './places.js';

export const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Web servers at two ports: 8080, which tests publish, and 8090, which they don't. */
const SERVERS = ['busybox', 'sh', '-c', 'httpd -p 8080 -h /etc; exec httpd -f -p 8090 -h /etc'];

/** A container that others try to reach. */
export interface Subject {
  readonly place: Place;
  readonly at: Station;
}

/** What `openAt` finds where nothing is closed. */
export const EVERYTHING = ['tcp 8080', 'tcp 8090', 'ping'];

/** Lists what of a subject is open at an address. */
export async function openAt(from: Place, address: string): Promise<string[]> {
  const [published, unpublished, ping] = await Promise.all([
    connects(from, address, 8080),
    connects(from, address, 8090),
    pings(from, address),
  ]);
  return EVERYTHING.filter((_, index) => [published, unpublished, ping][index]);
}

/** Makes networks of both families, and subjects in them, in a box. */
export class Subjects {
  readonly #box: HostInABox;

  constructor(box: HostInABox) {
    this.#box = box;
  }

  get host(): Place {
    return onHost(this.#box);
  }

  get outside(): Place {
    return onOutside(this.#box);
  }

  /** Gives the box both families, and its outside machine routes by the host to all that containers may be at. */
  async prepare(): Promise<void> {
    await addIPv6(this.#box);
    for (const range of ['10.0.0.0/8', '172.16.0.0/12']) {
      await this.#box.outside('ip', 'route', 'add', range, 'via', HOST_ADDRESS);
    }
    await this.#box.outside('ip', 'route', 'add', 'fd00::/8', 'via', HOST_ADDRESS6);
  }

  /** Makes a network of 10.NUMBER.0.0/24 and fd00:NUMBER::/64. */
  async network(name: string, number: number, ...flags: string[]): Promise<void> {
    const subnets = [`10.${number}.0.0/24`, `fd00:${number}::/64`].flatMap((subnet) => ['--subnet', subnet]);
    await this.#box.berth('network', 'create', '--ipv6', ...subnets, ...flags, name);
  }

  /** Starts a container with web servers. */
  async subject(name: string, network: string, ...flags: string[]): Promise<Subject> {
    await this.#box.berth('run', '-d', '--name', name, '--network', network, ...flags, ...SERVERS);
    const place = await inContainer(this.#box, name);
    await eventually('the servers listen', () => connects(place, '127.0.0.1', 8090));
    return { place, at: await stationOf(this.#box, name, network) };
  }

  async remove(containers: readonly string[], networks: readonly string[]): Promise<void> {
    await this.#box.berth('rm', '-f', ...containers);
    await this.#box.berth('network', 'rm', ...networks);
  }
}

export type SubjectsFixture = BoxFixture & Pick<Subjects, keyof Subjects>;

/** A prepared box with a daemon, for all tests of a file. */
export function useSubjects(): SubjectsFixture {
  const fixture = useBox();
  let made: Subjects | undefined;
  const subjects = () => {
    made ??= new Subjects(fixture.box);
    return made;
  };
  beforeAll(() => subjects().prepare());
  return {
    get box() {
      return fixture.box;
    },
    get daemon() {
      return fixture.daemon;
    },
    get host() {
      return subjects().host;
    },
    get outside() {
      return subjects().outside;
    },
    prepare: () => subjects().prepare(),
    network: (...args) => subjects().network(...args),
    subject: (...args) => subjects().subject(...args),
    remove: (...args) => subjects().remove(...args),
  };
}
