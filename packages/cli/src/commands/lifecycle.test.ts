import { describe, expect, test } from 'vitest';
import { command, parse } from './command.js';
import { COMMANDS } from './index.js';
import { addEndOptions, endQuery } from './lifecycle.js';

describe('the query of stop and restart', () => {
  function queryOf(line: string): unknown {
    const parser = addEndOptions(command('restart', '[OPTIONS] CONTAINER [CONTAINER...]', 'Restart'));
    parse(parser, line.split(' '));
    return endQuery(parser.opts());
  }

  test.each([
    ['web', {}],
    ['-t 5 web', { t: '5' }],
    ['--time 5 -s INT web', { t: '5', signal: 'INT' }],
    ['--timeout=-1 --signal KILL web', { t: '-1', signal: 'KILL' }],
  ])('%s', (line, query) => {
    expect(queryOf(line)).toEqual(query);
  });

  test.each([
    ['-t x web', 'invalid argument "x" for "-t, --timeout" flag'],
    ['-t 1 --time 2 web', 'cannot specify both --timeout and --time'],
  ])('%s is refused', (line, message) => {
    expect(() => queryOf(line)).toThrow(message);
  });
});

test.each(['pause', 'unpause', 'restart', 'update', 'network update'])(
  '%s needs an operand',
  async (name) => {
    const run = await COMMANDS[name]?.load();
    await expect(run?.([])).rejects.toThrow(`"berth ${name}" requires`);
  },
);
