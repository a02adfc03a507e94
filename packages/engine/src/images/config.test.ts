import { describe, expect, it } from 'vitest';
import { applyChanges, EMPTY_CONFIG, mergeEnvironment, parsePort } from './config.js';

const applied = (...changes: string[]) => applyChanges(EMPTY_CONFIG, changes);

describe('applyChanges', () => {
  it('takes a command as a list or as a line for the shell', () => {
    expect(applied('CMD ["httpd", "-f"]').command).toEqual(['httpd', '-f']);
    expect(applied('cmd httpd -f').command).toEqual(['/bin/sh', '-c', 'httpd -f']);
    expect(applied('ENTRYPOINT ["/init"]').entrypoint).toEqual(['/init']);
  });

  it('takes variables and labels in both forms, with quotes', () => {
    expect(applied('ENV A=1 B="two words"', 'ENV A=3', 'ENV C d e').env).toEqual([
      'A=3',
      'B=two words',
      'C=d e',
    ]);
    expect(applied(`LABEL role=web "full name"='a b'`).labels).toEqual({ role: 'web', 'full name': 'a b' });
  });

  it('takes ports, folder, user, signal and volumes', () => {
    const config = applied(
      'EXPOSE 80 53/udp 80/tcp',
      'WORKDIR /srv',
      'WORKDIR www',
      'USER 1000',
      'STOPSIGNAL INT',
      'VOLUME /data',
    );
    expect(config).toMatchObject({
      exposedPorts: [
        { port: 80, protocol: 'tcp' },
        { port: 53, protocol: 'udp' },
      ],
      workingDirectory: '/srv/www',
      user: '1000',
      stopSignal: 'INT',
      volumes: ['/data'],
    });
  });

  it.each(['CMD', 'RUN make', 'ENV A', 'ENV A=1 B', 'EXPOSE 0', 'EXPOSE 70000', 'EXPOSE web'])(
    'refuses %s',
    (change) => {
      expect(() => applied(change)).toThrow();
    },
  );
});

it('parsePort reads ranges', () => {
  expect(parsePort('8000-8002/udp')).toEqual({ port: 8000, protocol: 'udp', count: 3 });
  expect(() => parsePort('9-8')).toThrow('invalid containerPort: 9-8');
});

it('later variables replace earlier ones, and a bare name removes one', () => {
  expect(mergeEnvironment(['A=1', 'B=2'], ['A=3', 'B', 'C='])).toEqual(['A=3', 'C=']);
});

it('ports are kept once', () => {});
