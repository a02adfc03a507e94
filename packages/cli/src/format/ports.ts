import type { PortBindings, PortMapping } from '../client/api-types.js';

/** `0.0.0.0:8081->8080/tcp, 9000/udp`, neighbouring ports folded into ranges as Docker folds them. */
export function portsColumn(ports: readonly PortMapping[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort || (a.IP ?? '').localeCompare(b.IP ?? '') || a.Type.localeCompare(b.Type),
  );
  const groups = new Map<string, { first: PortMapping; last: PortMapping }[]>();
  for (const port of sorted) {
    const key = `${port.IP ?? ''} ${port.Type} ${port.PublicPort === undefined}`;
    const runs = groups.get(key) ?? [];
    groups.set(key, runs);
    const run = runs.at(-1);
    if (run !== undefined && follows(run.last, port)) run.last = port;
    else runs.push({ first: port, last: port });
  }
  return [...groups.values()].flat().map(formatRun).join(', ');
}

function follows(last: PortMapping, next: PortMapping): boolean {
  if (next.PrivatePort !== last.PrivatePort + 1) return false;
  return next.PublicPort === undefined || next.PublicPort === (last.PublicPort ?? 0) + 1;
}

function formatRun({ first, last }: { first: PortMapping; last: PortMapping }): string {
  const span = (from: number, to: number): string => (from === to ? String(from) : `${from}-${to}`);
  const inside = `${span(first.PrivatePort, last.PrivatePort)}/${first.Type}`;
  if (first.PublicPort === undefined) return inside;
  return `${hostPart(first.IP ?? '')}:${span(first.PublicPort, last.PublicPort ?? 0)}->${inside}`;
}

function hostPart(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** The lines of `port`: `8080/tcp -> 0.0.0.0:8081`. */
export function portLines(bindings: PortBindings): string[] {
  return Object.entries(bindings).flatMap(([inside, hosts]) =>
    (hosts ?? []).map(({ HostIp, HostPort }) => `${inside} -> ${hostPart(HostIp)}:${HostPort}`),
  );
}
