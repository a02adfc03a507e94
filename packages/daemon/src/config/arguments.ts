import { readFileSync } from 'node:fs';
import { BerthError } from '@berth/core';
import { Command } from 'commander';
import { validator } from '../http/schema.js';
import { daemonConfig, type DaemonConfig } from './config.js';
import { ConfigFile, FLAGS, type ConfigKey } from './options.js';

type Settings = Partial<Record<ConfigKey, unknown>>;

/**
 * The configuration that `argv` (without the program's name) and the configuration file that it names ask for.
 * `--help`, an unknown flag and a stray argument end the process, with commander's words.
 *
 * @throws BerthError `invalid` or `unsupported`, naming the flag or directive
 */
export function parseArguments(argv: readonly string[]): DaemonConfig {
  const command = new Command('berth daemon').description(
    'Runs the daemon that makes containers and their networks',
  );
  const texts = new Map<ConfigKey, string[]>();
  for (const { key, flags, help } of FLAGS) {
    command.option(flags, help);
    command.on(`option:${flags.split('--')[1]?.split(' ')[0] ?? ''}`, (value: string | null) => {
      texts.set(key, [...(texts.get(key) ?? []), value ?? 'true']);
    });
  }
  command.option('--config-file <path>', "JSON file with settings under dockerd's names");
  command.parse(argv, { from: 'user' });
  const flags: Settings = Object.fromEntries(
    FLAGS.flatMap((flag) => {
      const values = texts.get(flag.key);
      return values === undefined ? [] : [[flag.key, VALUES[flag.kind](`--${flag.key}`, values)]];
    }),
  );
  const path = command.opts<{ configFile?: string }>().configFile;
  const file: Settings = path === undefined ? {} : readConfigFile(path);
  refuseTwice(path ?? '', flags, file);
  return daemonConfig(checked({ ...file, ...flags }));
}

/** The text of a flag as the value that the configuration file would have. */
const VALUES = {
  text: (_flag: string, values: string[]) => values.at(-1),
  list: (_flag: string, values: string[]) => values,
  integer: (flag: string, values: string[]) => {
    const text = values.at(-1) ?? '';
    if (!/^\d{1,9}$/.test(text))
      throw new BerthError('invalid', `${flag} must be a whole number, not "${text}"`);
    return Number(text);
  },
  boolean: (flag: string, values: string[]) => {
    const text = (values.at(-1) ?? '').toLowerCase();
    if (['true', '1', 't'].includes(text)) return true;
    if (['false', '0', 'f'].includes(text)) return false;
    throw new BerthError('invalid', `${flag} must be true or false, not "${text}"`);
  },
  pools: (_flag: string, values: string[]) => values.map(parsePool),
};

/** `base=172.30.0.0/16,size=24`. */
function parsePool(text: string) {
  const parts = new Map(text.split(',').map((part) => part.split('=', 2) as [string, string | undefined]));
  const [base, size] = [parts.get('base'), parts.get('size')];
  if (base === undefined || size === undefined || parts.size !== 2 || !/^\d{1,3}$/.test(size)) {
    throw new BerthError('invalid', `--default-address-pool "${text}" must be base=CIDR,size=BITS`);
  }
  return { base, size: Number(size) };
}

function readConfigFile(path: string): Settings {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new BerthError(
      'invalid',
      `cannot read the configuration file ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new BerthError('invalid', `the configuration file ${path} must hold one JSON object`);
  }
  const unknown = Object.keys(parsed).filter((key) => !(key in ConfigFile.properties));
  if (unknown.length > 0) {
    throw new BerthError(
      'invalid',
      `configuration file ${path}: the following directives don't match any configuration option: ${unknown.join(', ')}`,
    );
  }
  return checked(parsed);
}

function refuseTwice(path: string, flags: Settings, file: Settings): void {
  const twice = (Object.keys(flags) as ConfigKey[]).filter((key) => key in file);
  if (twice.length === 0) return;
  const both = twice.map((key) => `${key}: (from flag: ${show(flags[key])}, from file: ${show(file[key])})`);
  throw new BerthError(
    'invalid',
    `unable to configure the daemon with file ${path}: the following directives are specified both as a flag and in ` +
      `the configuration file: ${both.join(', ')}`,
  );
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function checked(settings: object): ConfigFile {
  const result = validator(ConfigFile, 'the configuration')(settings);
  if (result.error !== undefined) throw result.error;
  return settings;
}
