import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Failure, REFUSED } from './command.js';

/** `NAME=VALUE` words as an object. @throws Failure for one without a name */
export function pairs(kind: string, words: readonly string[]): Record<string, string> {
  const entries = words.map((word) => {
    const [, name = '', value = ''] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === '') throw new Failure(`invalid ${kind} "${word}": it should be NAME=VALUE`, REFUSED);
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * The fields of a word that docker's flags take for a line of comma-separated values (RFC 4180): a field with a comma of
 * its own stands in quotes.
 *
 * @throws Failure for quotes that do not enclose a field
 */
export function fieldsOf(word: string): string[] {
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  const fields: string[] = [];
  for (let separator = ','; separator !== '';) {
    const found = pattern.exec(word);
    if (found === null) throw new Failure(`invalid value ${word}: quotes should enclose a field`, REFUSED);
    const [, quoted, plain = '', next = ''] = found;
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    separator = next;
  }
  return fields;
}

/**
 * `NAME=VALUE` as it is; `NAME` with this shell's value, or not at all where it has none.
 *
 * @param files files of such lines, which go first
 * @throws Failure for an entry without a name, or a file that cannot be read
 */
export function environment(entries: readonly string[], files: readonly string[]): string[] {
  return [...files.flatMap(linesOf), ...entries].flatMap((entry) => {
    if (entry.startsWith('=')) throw new Failure(`invalid environment variable: ${entry}`, REFUSED);
    if (entry.includes('=')) return [entry];
    const value = process.env[entry];
    return value === undefined ? [] : [`${entry}=${value}`];
  });
}

function linesOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(
      `open ${file}: ${code === 'ENOENT' ? 'no such file or directory' : String(code)}`,
      REFUSED,
    );
  }
  return text
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** What is wrong with the value of `--dns`. */
export function notAddress(value: string): string | undefined {
  return isIP(value) === 0 ? `IP address is not correctly formatted: ${value}` : undefined;
}

/** What is wrong with the value of `--add-host`: `NAME:ADDRESS` or `NAME=ADDRESS`, `host-gateway` being an address. */
export function notHostEntry(value: string): string | undefined {
  const [, name = '', address] = /^([^:=]*)[:=](.*)$/s.exec(value) ?? [];
  if (name === '' || address === undefined) return `bad format for add-host: "${value}"`;
  const plain = address.replace(/^\[(.*)\]$/, '$1');
  return plain === 'host-gateway' || isIP(plain) !== 0
    ? undefined
    : `invalid IP address in add-host: "${address}"`;
}

/** What is wrong with the value of `--dns-search`; `.` stands for no domain at all. */
export function notDomain(value: string): string | undefined {
  const label = '(?!-)[A-Za-z0-9_-]{1,63}';
  const valid =
    value.trim() === '.' ||
    (new RegExp(`^${label}(\\.${label})*\\.?$`).test(value) && /[A-Za-z]/.test(value));
  return valid ? undefined : `${value} is not a valid domain`;
}
