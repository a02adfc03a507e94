import { beforeAll } from 'vitest';
import { eventually } from './command.js';
import { useBox, type BoxFixture } from './fixture.js';
import { HOST_ADDRESS } from './host-in-a-box.js';
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

export interface SubjectsFixture extends BoxFixture {
  readonly host: Place;
  readonly outside: Place;
  /** Makes a network of both families, 10.NUMBER.0.0/24 and fd00:NUMBER::/64. */
  network(name: string, number: number, ...flags: string[]): Promise<void>;
  /** Starts a container with web servers. */
  subject(name: string, network: string, ...flags: string[]): Promise<Subject>;
  remove(containers: readonly string[], networks: readonly string[]): Promise<void>;
}

/** A box of both families, whose outside machine has routes by the host to all that containers may be at. */
export function useSubjects(): SubjectsFixture {
  const fixture = useBox();
  beforeAll(async () => {
    await addIPv6(fixture.box);
    for (const range of ['10.0.0.0/8', '172.16.0.0/12']) {
      await fixture.box.outside('ip', 'route', 'add', range, 'via', HOST_ADDRESS);
    }
    await fixture.box.outside('ip', 'route', 'add', 'fd00::/8', 'via', HOST_ADDRESS6);
  });
  return {
    get box() {
      return fixture.box;
    },
    get daemon() {
      return fixture.daemon;
    },
    get host() {
      return onHost(fixture.box);
    },
    get outside() {
      return onOutside(fixture.box);
    },
    async network(name, number, ...flags) {
      const subnets = [`10.${number}.0.0/24`, `fd00:${number}::/64`].flatMap((subnet) => [
        '--subnet',
        subnet,
      ]);
      await fixture.box.berth('network', 'create', '--ipv6', ...subnets, ...flags, name);
    },
    async subject(name, network, ...flags) {
      await fixture.box.berth('run', '-d', '--name', name, '--network', network, ...flags, ...SERVERS);
      const place = await inContainer(fixture.box, name);
      await eventually('the servers listen', () => connects(place, '127.0.0.1', 8090));
      return { place, at: await stationOf(fixture.box, name, network) };
    },
    async remove(containers, networks) {
      await fixture.box.berth('rm', '-f', ...containers);
      await fixture.box.berth('network', 'rm', ...networks);
    },
  };
}
