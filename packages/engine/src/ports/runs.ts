import type { ExposedPort } from '../model.js';

/** Both lists, each port once, neighbouring ports in one run. */
export function mergePorts(base: readonly ExposedPort[], over: readonly ExposedPort[]): ExposedPort[] {
  const merged: ExposedPort[] = [];
  for (const protocol of ['tcp', 'udp', 'sctp'] as const) {
    const runs = [...base, ...over]
      .filter((run) => run.protocol === protocol)
      .map(({ port, count = 1 }) => ({ first: port, last: port + count - 1 }))
      .sort((one, other) => one.first - other.first);
    let open: { first: number; last: number } | undefined;
    const close = () => {
      if (open !== undefined) merged.push(runOf(protocol, open.first, open.last));
    };
    for (const run of runs) {
      if (open !== undefined && run.first <= open.last + 1) {
        open.last = Math.max(open.last, run.last);
      } else {
        close();
        open = { ...run };
      }
    }
    close();
  }
  return merged;
}

/** The ports of `runs` that are in none of `taken`. */
export function withoutPorts(runs: readonly ExposedPort[], taken: readonly ExposedPort[]): ExposedPort[] {
  return runs.flatMap((run) => {
    const { protocol, port, count = 1 } = run;
    let pieces = [{ first: port, last: port + count - 1 }];
    for (const other of taken) {
      if (other.protocol !== protocol) continue;
      const last = other.port + (other.count ?? 1) - 1;
      pieces = pieces.flatMap((piece) =>
        other.port > piece.last || last < piece.first
          ? [piece]
          : [
              { first: piece.first, last: other.port - 1 },
              { first: last + 1, last: piece.last },
            ].filter((rest) => rest.first <= rest.last),
      );
    }
    return pieces.map((piece) => runOf(protocol, piece.first, piece.last));
  });
}

/** Whether a port is in a run. */
export function holds({ port, count = 1, protocol }: ExposedPort, wanted: ExposedPort): boolean {
  return protocol === wanted.protocol && wanted.port >= port && wanted.port < port + count;
}

function runOf(protocol: ExposedPort['protocol'], first: number, last: number): ExposedPort {
  return { port: first, protocol, ...(last > first && { count: last - first + 1 }) };
}
