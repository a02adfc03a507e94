import { describe, expect, test } from 'vitest';
import { command, parse } from './command.js';
import { addUpdateOptions, updateBody } from './update.js';

function bodyOf(line: string): unknown {
  const parser = addUpdateOptions(command('update', '[OPTIONS] CONTAINER [CONTAINER...]', 'Change'));
  parse(parser, line.split(' '));
  return updateBody(parser.opts());
}

describe('the body of an update of a container', () => {
  test('the ports replace all', () => {
    expect(bodyOf('-p 8080:80 -p 20000-29999:20000-29999/udp web')).toEqual({
      PortBindings: {
        '80/tcp': [{ HostIp: '', HostPort: '8080' }],
        '20000-29999/udp': [{ HostIp: '', HostPort: '20000-29999' }],
      },
    });
    expect(bodyOf('-p none web')).toEqual({ PortBindings: {} });
  });

  test.each([
    ['web', 'you must provide one or more flags when using this command'],
    ['-p none -p 80 web', 'cannot specify both -p none and ports to publish'],
    ['-p x web', 'invalid publish opts format (x)'],
    ['--kernel-memory 1g web', '--kernel-memory is not supported by Berth yet'],
    ['--restart never web', 'it should be no, always, unless-stopped or on-failure[:TIMES]'],
    ['--memory much web', "invalid size: 'much'"],
    ['--publish-add 80 web', 'unknown flag: --publish-add'],
  ])('%s is refused', (line, message) => {
    expect(() => bodyOf(line)).toThrow(message);
  });
});
