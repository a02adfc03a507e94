import type { Meaning } from '../explain/meaning.js';

/** A value as `ip -j` writes it. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | JsonObject;
/** In the order in which it is to be written. */
export type JsonObject = readonly (readonly [key: string, value: Json])[] & { readonly length: number };

/**
 * One thing that `ip` says. Text, JSON and explanation come from the same list of these, so that they can't
 * disagree.
 */
export interface Field {
  /** As text shows it, with the spaces that belong to it; empty for what only JSON has. */
  readonly text: string;
  /** As JSON shows it; missing for what only text has. */
  readonly json?: readonly [key: string, value: Json];
  /** What `--explain` can say about it. */
  readonly meaning?: Meaning | undefined;
}

/** What one link, route or neighbour prints. Each line of text is a list of fields. */
export type Item = readonly (readonly Field[])[];

const jsonObjects = new WeakSet();

/** A JSON object from its members, in order. */
export function object(members: Iterable<readonly [string, Json]>): JsonObject {
  const list = [...members];
  jsonObjects.add(list);
  return list;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && jsonObjects.has(value);
}

/** The JSON object of an item. */
export function itemObject(item: Item): JsonObject {
  return object(item.flat().flatMap((field) => (field.json === undefined ? [] : [field.json])));
}

/** All items as text; between the lines of one a line break, or what `-o` has instead. */
export function renderText(items: readonly Item[], separator: '\n' | '\\'): string {
  return items
    .filter((item) => item.length > 0)
    .map((item) => `${item.map((line) => line.map((field) => field.text).join('')).join(separator)}\n`)
    .join('');
}

/** All items as text, each line followed by what its fields mean. */
export function renderExplained(items: readonly Item[]): string {
  return items
    .flat()
    .map((line) => {
      const text = line.map((field) => field.text).join('');
      const leading = /^ */.exec(text)?.[0].length ?? 0;
      const indent = ' '.repeat(6 + Math.min(leading, 7));
      const notes = line.flatMap((field) => (field.meaning === undefined ? [] : [field.meaning]));
      const width = Math.min(34, Math.max(0, ...notes.map((note) => note.label.length)));
      const written = notes.flatMap(({ label, words }) =>
        words.map((word, row) => `${indent}${(row === 0 ? label : '').padEnd(width)}  ${word}\n`),
      );
      return `${text}\n${written.join('')}`;
    })
    .join('');
}

/** All items as one JSON array and a line break, in `ip -j`'s or `ip -j -p`'s spacing. */
export function renderJson(objects: readonly JsonObject[], pretty: boolean): string {
  return `${pretty ? prettyJson(objects, 0) : compactJson(objects)}\n`;
}

function scalar(value: Json): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

function compactJson(value: Json): string {
  if (isObject(value))
    return `{${value.map(([key, member]) => `"${key}":${compactJson(member)}`).join(',')}}`;
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(compactJson).join(',')}]`;
  return scalar(value);
}

/** iproute2's json writer: an array's brackets have a space inside, an object's members a line each. */
function prettyJson(value: Json, depth: number): string {
  const indent = (levels: number) => ' '.repeat(4 * levels);
  if (isObject(value)) {
    if (value.length === 0) return '{}';
    const members = value.map(
      ([key, member]) => `${indent(depth + 1)}"${key}": ${prettyJson(member, depth + 1)}`,
    );
    return `{\n${members.join(',\n')}\n${indent(depth)}}`;
  }
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return `[ ${list.map((member) => prettyJson(member, depth + 1)).join(',')}${list.length === 0 ? '' : ' '}]`;
  }
  return scalar(value);
}
