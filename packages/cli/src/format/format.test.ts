import { describe, expect, test } from 'vitest';
import { humanDuration, humanSize, shortIdOf } from './human.js';
import { portLines, portsColumn, publishedAt } from './ports.js';
import { table } from './table.js';
import { TemplateError, fillTemplate } from './template.js';

test.each([
  [0.5, 'Less than a second'],
  [1, '1 second'],
  [59.9, '59 seconds'],
  [60, 'About a minute'],
  [150, '2 minutes'],
  [3600, 'About an hour'],
  [7200, '2 hours'],
  [47 * 3600, '47 hours'],
  [48 * 3600, '2 days'],
  [14 * 86400, '2 weeks'],
  [60 * 86400, '2 months'],
  [730 * 86400, '2 years'],
])('%d seconds: %s', (seconds, words) => {
  expect(humanDuration(seconds)).toBe(words);
});

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [2_136_000, '2.14MB'],
])('%d bytes: %s', (bytes, words) => {
  expect(humanSize(bytes)).toBe(words);
});

test('short ids have twelve digits and no algorithm', () => {
  expect(shortIdOf(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
});

describe('ports', () => {
  const port = (PrivatePort: number, PublicPort?: number, IP = '0.0.0.0', Type = 'tcp') =>
    PublicPort === undefined ? { PrivatePort, Type } : { PrivatePort, PublicPort, IP, Type };

  test('neighbours fold into ranges, others stay apart', () => {
    expect(portsColumn([port(81, 8001), port(80, 8000)])).toBe('0.0.0.0:8000-8001->80-81/tcp');
    expect(portsColumn([port(80, 8000), port(81, 9000)])).toBe('0.0.0.0:8000->80/tcp, 0.0.0.0:9000->81/tcp');
    expect(portsColumn([port(9000)])).toBe('9000/tcp');
    expect(portsColumn([port(80, 80, '::')])).toBe('[::]:80->80/tcp');
  });

  test('a run of ports is a range, and joins its neighbours', () => {
    const run = { ...port(20000, 20000), Count: 10_000 };
    expect(portsColumn([run])).toBe('0.0.0.0:20000-29999->20000-29999/tcp');
    expect(portsColumn([port(30000, 30000), run])).toBe('0.0.0.0:20000-30000->20000-30000/tcp');
    expect(portsColumn([port(30000, 40000), run])).toBe(
      '0.0.0.0:20000-29999->20000-29999/tcp, 0.0.0.0:40000->30000/tcp',
    );
    expect(portsColumn([run, { ...port(20000, 20000, '::'), Count: 10_000 }])).toBe(
      '0.0.0.0:20000-29999->20000-29999/tcp, [::]:20000-29999->20000-29999/tcp',
    );
    expect(portsColumn([{ ...port(7000), Count: 1000 }])).toBe('7000-7999/tcp');
    expect(portsColumn([port(80, 8080, '::')])).toBe('[::]:8080->80/tcp');
  });

  test('a port is found within a range', () => {
    const bindings = {
      '20000-29999/tcp': [
        { HostIp: '0.0.0.0', HostPort: '30000-39999' },
        { HostIp: '::', HostPort: '30000-39999' },
      ],
      '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }],
      '53/udp': null,
    };
    expect(publishedAt(bindings, '20005/tcp')).toEqual(['0.0.0.0:30005', '[::]:30005']);
    expect(publishedAt(bindings, '29999/tcp')).toEqual(['0.0.0.0:39999', '[::]:39999']);
    expect(publishedAt(bindings, '80/tcp')).toEqual(['0.0.0.0:8080']);
    for (const none of ['30000/tcp', '19999/tcp', '20005/udp', '53/udp', 'x/tcp'])
      expect(publishedAt(bindings, none)).toEqual([]);
  });

  test('lines of port', () => {
    const bindings = { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '53/udp': null };
    expect(portLines(bindings)).toEqual(['80/tcp -> 0.0.0.0:8080']);
    const range = { '20000-29999/tcp': [{ HostIp: '0.0.0.0', HostPort: '20000-29999' }] };
    expect(portLines(range)).toEqual(['20000-29999/tcp -> 0.0.0.0:20000-29999']);
  });
});

test('a table has columns of ten at least, three of them space', () => {
  expect(table(['ID', 'NAMES'], [['abcdefghi', 'web']])).toBe('ID          NAMES\nabcdefghi   web\n');
});

describe('templates', () => {
  const thing = { Id: 'a', State: { Pid: 7 }, Nets: { b: { IP: '1' } }, List: ['x', 'y'], None: null };
  test.each([
    ['{{.Id}} {{ .State.Pid }}', 'a 7'],
    ['{{json .List}}', '["x","y"]'],
    ['{{(index .Nets "b").IP}}', '1'],
    ['{{range .Nets}}{{.IP}};{{end}}', '1;'],
    ['{{if .None}}yes{{else}}no{{end}}', 'no'],
    ['{{len .List}} {{join .List "-"}}', '2 x-y'],
    ['{{.List}}', '[x y]'],
  ])('%s', (template, text) => {
    expect(fillTemplate(template, thing)).toBe(text);
  });

  test.each(['{{.Nosuch}}', '{{.Id', '{{if .Id}}', '{{nosuch .Id}}', '{{end}}x'])(
    'refuses %s',
    (template) => {
      expect(() => fillTemplate(template, thing)).toThrow(TemplateError);
    },
  );
});
