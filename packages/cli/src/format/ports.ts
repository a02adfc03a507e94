import type { PortBindings, PortMapping } from '../client/api-types.js';

/** `0.0.0.0:8081->8080/tcp, 9000/udp`, neighbouring ports folded into ranges as Docker folds them. */
export function portsColumn(ports: readonly PortMapping[]): string {
  const sorted = [...ports].sort(
    (a, b) => a.PrivatePort - b.PrivatePort || byBytes(a.IP ?? '', b.IP ?? '') || byBytes(a.Type, b.Type),
  );
  const groups = new Map<string, Run[]>();
  for (const port of sorted) {
    const key = `${port.IP ?? ''} ${port.Type} ${port.PublicPort === undefined}`;
    const runs = groups.get(key) ?? [];
    groups.set(key, runs);
    const run = runs.at(-1);
    const count = port.Count ?? 1;
    if (run !== undefined && follows(run, port)) run.count += count;
    else runs.push({ first: port, count });
  }
  return [...groups.values()].flat().map(formatRun).join(', ');
}

/** As Go compares: IPv4 addresses go before `::`. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** So many ports from the first on, each at the host's port beside that of the one before. */
interface Run {
  readonly first: PortMapping;
  count: number;
}

function follows({ first, count }: Run, next: PortMapping): boolean {
  if (next.PrivatePort !== first.PrivatePort + count) return false;
  return next.PublicPort === undefined || next.PublicPort === (first.PublicPort ?? 0) + count;
}

function formatRun({ first, count }: Run): string {
  const span = (from: number): string => (count === 1 ? String(from) : `${from}-${from + count - 1}`);
  const inside = `${span(first.PrivatePort)}/${first.Type}`;
  if (first.PublicPort === undefined) return inside;
  return `${hostPart(first.IP ?? '')}:${span(first.PublicPort)}->${inside}`;
}

function hostPart(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** The lines of `port`: `8080/tcp -> 0.0.0.0:8081`, a range in one line. */
export function portLines(bindings: PortBindings): string[] {
  return Object.entries(bindings).flatMap(([inside, hosts]) =>
    (hosts ?? []).map(({ HostIp, HostPort }) => `${inside} -> ${hostPart(HostIp)}:${HostPort}`),
  );
}

/** Where one port is published, `0.0.0.0:8081`, be it alone or within a range. @param wanted `8080/tcp` */
export function publishedAt(bindings: PortBindings, wanted: string): string[] {
  const [port = '', protocol] = wanted.split('/');
  if (!/^\d+$/.test(port)) return [];
  return Object.entries(bindings).flatMap(([inside, hosts]) => {
    const [, first = '', last = first, type] = /^(\d+)(?:-(\d+))?\/(.*)$/.exec(inside) ?? [];
    const offset = Number(port) - Number(first);
    if (type !== protocol || offset < 0 || Number(port) > Number(last)) return [];
    return (hosts ?? []).map(
      ({ HostIp, HostPort }) =>
        `${hostPart(HostIp)}:${Number(HostPort.replace(/-.*$/, '')) + (HostPort.includes('-') ? offset : 0)}`,
    );
  });
}
