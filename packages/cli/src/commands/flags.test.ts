import { Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { plainFlags } from './flags.js';
import { unknownFlag } from './not-yet.js';

const options = [
  new Option('-i, --interactive'),
  new Option('-t, --tty'),
  new Option('--rm'),
  new Option('-p, --publish <port>'),
  new Option('--name <name>'),
  new Option('-s, --switch [on]'),
];
const plain = (line: string, endAtOperand = true): string =>
  plainFlags(line.split(' '), {
    options,
    endAtOperand,
    unknown: (flag) => unknownFlag('run', flag),
  }).join(' ');

describe('plainFlags', () => {
  test.each([
    ['-it busybox sh -c x', '--interactive --tty -- busybox sh -c x'],
    ['-itp 80:80 busybox', '--interactive --tty --publish=80:80 -- busybox'],
    ['-p80:80 busybox', '--publish=80:80 -- busybox'],
    ['-p=80:80 busybox', '--publish=80:80 -- busybox'],
    ['--name=a --name b busybox', '--name=a --name=b -- busybox'],
    ['--rm=true busybox', '--rm -- busybox'],
    ['--rm=false -i=0 busybox', '-- busybox'],
    ['--switch busybox', '--switch=true -- busybox'],
    ['--switch=0 -s busybox', '--switch=false --switch=true -- busybox'],
    ['-ts=false busybox', '--tty --switch=false -- busybox'],
    ['-- busybox --rm', '-- busybox --rm'],
    ['busybox -- ls', '-- busybox -- ls'],
    ['--name -x busybox', '--name=-x -- busybox'],
  ])('%s', (line, wanted) => {
    expect(plain(line)).toBe(wanted);
  });

  test('flags may stand behind operands where the command has none of its own', () => {
    expect(plain('a --rm b', false)).toBe('--rm -- a b');
  });

  test.each([
    ['--nosuch', 'unknown flag: --nosuch'],
    ['-z', "unknown shorthand flag: 'z' in -z"],
    ['-iz', "unknown shorthand flag: 'z' in -iz"],
    ['--name', 'flag needs an argument: --name'],
    ['-p', "flag needs an argument: 'p' in -p"],
    ['--rm=x', 'invalid argument "x" for "--rm" flag: it should be true or false'],
    ['--switch=x', 'invalid argument "x" for "-s, --switch" flag: it should be true or false'],
    ['--platform linux/386 busybox', '--platform is not supported by Berth yet'],
    ['-astdin busybox', '-a is not supported by Berth yet'],
  ])('refuses %s', (line, message) => {
    expect(() => plain(line)).toThrow(message);
  });
});
