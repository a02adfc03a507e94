import type { Readable } from 'node:stream';

/** A line of what the daemon tells while it pulls, pushes, loads, builds. */
export interface Progress {
  readonly id?: string;
  readonly status?: string;
  readonly stream?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: { readonly ID?: string; readonly Digest?: string };
}

/** The objects of a stream of JSON lines, one after the other. */
export async function* jsonLines<T>(stream: Readable): AsyncGenerator<T> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as T;
}

/**
 * Prints what the daemon tells, as docker does where it writes to no terminal: each state of each part once.
 *
 * @returns the last object with an id of its own (`aux`)
 * @throws Error in the daemon's words where it tells of one
 */
export async function printProgress(
  stream: Readable,
  print: (text: string) => void,
): Promise<Progress['aux']> {
  const states = new Map<string, string>();
  let aux: Progress['aux'];
  for await (const line of jsonLines<Progress>(stream)) {
    if (line.error !== undefined) throw new Error(line.error);
    if (line.aux !== undefined) aux = line.aux;
    if (line.stream !== undefined) print(line.stream);
    const { id, status } = line;
    if (status === undefined) continue;
    if (id !== undefined) {
      if (states.get(id) === status) continue;
      states.set(id, status);
    }
    // Bytes on their way would be a line each.
    if (line.progressDetail?.current === undefined)
      print(id === undefined ? `${status}\n` : `${id}: ${status}\n`);
  }
  return aux;
}
