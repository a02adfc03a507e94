import type { ChildProcess } from 'node:child_process';
import { eventually, output, run, start } from './command.js';
import { HOST_ADDRESS, OUTSIDE_ADDRESS, type HostInABox } from './host-in-a-box.js';

/** What goes in front of a command to run it in a network namespace: of the host, a container, an outside machine. */
export type Place = readonly string[];

/** IPv6 addresses that `addIPv6` gives the two ends of the host's link to the outside (RFC 3849). */
export const HOST_ADDRESS6 = '2001:db8:9::1';
export const OUTSIDE_ADDRESS6 = '2001:db8:9::2';
export const HOST = { ipv4: HOST_ADDRESS, ipv6: HOST_ADDRESS6 } as const;
export const OUTSIDE = { ipv4: OUTSIDE_ADDRESS, ipv6: OUTSIDE_ADDRESS6 } as const;

export const onHost = (box: HostInABox): Place => box.hostPrefix;
export const onOutside = (box: HostInABox): Place => ['nsenter', '-t', String(box.outsidePid), '--net', '--'];

/** Commands of the host, in the network of a container. */
export async function inContainer(box: HostInABox, name: string): Promise<Place> {
  const pid = await box.berth('inspect', '-f', '{{.State.Pid}}', name);
  return ['nsenter', '-t', pid, '--net', '--'];
}

/** The link between host and outside speaks IPv6 as well, and the outside is the host's way to everywhere. */
export async function addIPv6(box: HostInABox): Promise<void> {
  await box.host('ip', 'addr', 'add', `${HOST_ADDRESS6}/64`, 'dev', 'eth0', 'nodad');
  await box.outside('ip', 'addr', 'add', `${OUTSIDE_ADDRESS6}/64`, 'dev', 'eth0', 'nodad');
  await box.host('ip', 'route', 'add', 'default', 'via', OUTSIDE_ADDRESS6);
}

/** Seconds after which an attempt counts as refused: all ways in a box are short. */
const PATIENCE = '1';

/** Whether a TCP connection is made. */
export async function connects(place: Place, address: string, port: number): Promise<boolean> {
  return (await run([...place, 'nc', '-n', '-z', '-w', PATIENCE, address, String(port)])).status === 0;
}

/** Whether an echo is answered. */
export async function pings(place: Place, address: string): Promise<boolean> {
  return (await run([...place, 'ping', '-n', '-c', '1', '-W', PATIENCE, address])).status === 0;
}

/** What a web server answers; undefined: nothing. */
export async function fetches(
  place: Place,
  address: string,
  port: number,
  path = '/',
): Promise<string | undefined> {
  const host = address.includes(':') ? `[${address}]` : address;
  const result = await run([...place, 'curl', '-sf', '--max-time', '2', `http://${host}:${port}${path}`]);
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** A web server at a port of all addresses of a place; it tells each client the address that it was seen with. */
export async function serve(
  place: Place,
  port: number,
): Promise<AsyncDisposable & { readonly process: ChildProcess }> {
  const script = `require('http').createServer((request, response) =>
    response.end(request.socket.remoteAddress.replace('::ffff:', ''))).listen(${port}, '::', () => console.log('ready'))`;
  const child = start([...place, process.execPath, '-e', script]);
  const ended = new Promise((resolve) => child.once('close', resolve));
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await eventually(`a server at port ${port}`, () => {
    if (child.exitCode !== null) throw new Error(`no server at port ${port}: ${printed}`);
    return printed.includes('ready');
  });
  return {
    process: child,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Sets a kernel setting of the network namespace of a place, by its path below /proc/sys. */
export async function setting(place: Place, path: string, value: string): Promise<void> {
  // /proc/sys/net shows the namespace of the reader.
  await output([...place, 'sh', '-c', `echo ${value} > /proc/sys/${path}`]);
}

interface EndpointSettings {
  readonly IPAddress: string;
  readonly GlobalIPv6Address: string;
  readonly MacAddress: string;
}

/** Where an endpoint of a container is. */
export interface Station {
  readonly ipv4: string;
  /** Empty: none. */
  readonly ipv6: string;
  readonly mac: string;
}

export async function stationOf(box: HostInABox, container: string, network: string): Promise<Station> {
  const shown = await box.berth('inspect', '-f', '{{json .NetworkSettings.Networks}}', container);
  const endpoint = (JSON.parse(shown) as Record<string, EndpointSettings>)[network];
  if (endpoint === undefined) throw new Error(`${container} is not in ${network}: ${shown}`);
  return { ipv4: endpoint.IPAddress, ipv6: endpoint.GlobalIPv6Address, mac: endpoint.MacAddress };
}

/** The hardware address of a link. */
export async function macOf(place: Place, link: string): Promise<string> {
  const shown = await output([...place, 'ip', '-j', 'link', 'show', 'dev', link]);
  const [found] = JSON.parse(shown) as { readonly address: string }[];
  if (found === undefined) throw new Error(`no link ${link}`);
  return found.address;
}
