import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BERTH, HostInABox, REPOSITORY, dockerProgram, eventually, type CommandResult } from './box/index.js';

let box: HostInABox;
const SOCKET = '/run/berth/berth.sock';
const TLS_HOST = 'tcp://127.0.0.1:2376';
const local = (name: string) => join(box.folder, name);

/** Certificates of an authority: for a daemon at 127.0.0.1, and for its clients. */
const CERTIFICATES = `
set -e
mkdir -p "$1"; cd "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca-key.pem -out ca.pem -subj "/CN=authority" -days 2
sign() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1key.pem" -out request.pem -subj "/CN=berth"
  printf '%s\\n' "$2" > extensions
  openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out "$1cert.pem" -days 2 -extfile extensions
}
sign server- "subjectAltName=IP:127.0.0.1"
sign '' "extendedKeyUsage=clientAuth"`;

beforeAll(async () => {
  box = await HostInABox.create();
  for (const authority of ['tls', 'other']) {
    const made = await box.tryHost(['sh', '-c', CERTIFICATES, 'sh', local(authority)]);
    expect(made.status, made.stderr).toBe(0);
  }
  const files = { tlscacert: 'ca.pem', tlscert: 'server-cert.pem', tlskey: 'server-key.pem' };
  const tls = Object.entries(files).flatMap(([flag, file]) => [`--${flag}`, local(`tls/${file}`)]);
  await box.startDaemon({ flags: ['-H', `unix://${SOCKET}`, '-H', TLS_HOST, '--tlsverify', ...tls] });
});
afterAll(() => box[Symbol.asyncDispose]());

const curl = (...args: string[]) => box.host('curl', '-s', '--unix-socket', SOCKET, ...args);
/** The status, a blank and the body. */
const ask = async (...args: string[]) => {
  const text = await curl('-w', '\n%{http_code}', ...args);
  const end = text.lastIndexOf('\n');
  return `${text.slice(end + 1)} ${text.slice(0, end).trim()}`;
};
const post = (path: string, body: string, ...more: string[]) =>
  ask('-H', 'Content-Type: application/json', '-d', body, ...more, `http://d${path}`);

/** A script that speaks to the daemon's socket as `socket`, and may use `ws`. */
const script = (source: string): Promise<CommandResult> =>
  box.tryHost([
    'sh',
    '-c',
    `cd ${REPOSITORY} && exec ${process.execPath} -e "$1"`,
    'sh',
    `const net = require('net'); const WebSocket = require('ws');
     const connect = () => { const socket = net.connect('${SOCKET}'); socket.on('error', () => {}); return socket; };
     ${source}`,
  ]);

describe('what cannot be understood', () => {
  test('is answered with a status and a message', async () => {
    expect(await post('/containers/create', '{"Image":')).toMatch(/^400 \{"message":"invalid JSON/);
    expect(await post('/containers/create', '{"Image":7}')).toMatch(/^400 \{"message":"Image must be string/);
    expect(await post('/containers/create', '{"Image":"busybox","HostConfig":{"Binds":"x"}}')).toMatch(
      /^400 \{"message":"HostConfig\.Binds must be array/,
    );
    expect(await post('/containers/create', '[]')).toMatch(/^400 \{"message":/);
    expect(await ask('http://d/nothing')).toBe('404 {"message":"page not found"}');
    expect(await ask('http://d/v9.9/info')).toMatch(/^400 .*too new/);
    expect(await ask('-H', `X-Large: ${'x'.repeat(70_000)}`, 'http://d/_ping')).toMatch(/^431 \{"message"/);
    const bytes = await script(`
      const socket = connect(); socket.write('\\x16\\x03\\x01 no HTTP\\r\\n\\r\\n');
      socket.on('data', (data) => process.stdout.write(data));`);
    expect(bytes.stdout).toMatch(/^HTTP\/1\.1 400 [^]*\{"message":"Bad Request"\}$/);
  });

  test('a body that is too long is refused with 413, whether it tells its length or not', async () => {
    writeFileSync(local('long'), `{"Image":"${'x'.repeat(3_000_000)}"}`);
    const create = '/containers/create';
    expect(await post(create, `@${local('long')}`)).toMatch(/^413 \{"message":"the request body is larger/);
    expect(await post(create, `@${local('long')}`, '-H', 'Transfer-Encoding: chunked')).toMatch(/^413 /);
  });
});

describe('slow clients', () => {
  test('that never send their headers are let go, and stop nobody meanwhile', async () => {
    const slow = script(`
      let open = 100;
      for (let each = 0; each < 100; each += 1) {
        const socket = connect();
        socket.write('GET /info HTTP/1.1\\r\\nHost: d\\r\\nX-Slow: ');
        const timer = setInterval(() => socket.write('x'), 500);
        socket.resume().on('close', () => { clearInterval(timer); open -= 1; if (open === 0) console.log('all gone'); });
      }`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await ask('http://d/_ping')).toBe('200 OK');
    expect((await slow).stdout).toBe('all gone\n');
  });

  test('that leave in the middle of a body or an answer leave nothing', async () => {
    const left = await script(`
      const body = connect();
      body.write('POST /containers/create HTTP/1.1\\r\\nHost: d\\r\\nContent-Length: 1000\\r\\n\\r\\n{"Image"');
      const events = connect();
      events.write('GET /events HTTP/1.1\\r\\nHost: d\\r\\n\\r\\n');
      setTimeout(() => { body.destroy(); events.destroy(); }, 300);`);
    expect(left.status).toBe(0);
    expect(await ask('http://d/_ping')).toBe('200 OK');
  });
});

test('an upload may wait for its go-ahead', async () => {
  await box.docker('create', '--name', 'upload', 'busybox', 'true');
  await box.host('tar', '-C', '/etc', '-cf', local('upload.tar'), 'passwd');
  const answer = await ask(
    '-v',
    '--expect100-timeout',
    '60',
    '-H',
    'Expect: 100-continue',
    '-T',
    local('upload.tar'),
    'http://d/containers/upload/archive?path=/tmp',
  );
  expect(answer).toBe('200 ');
  expect(await ask('-I', 'http://d/containers/upload/archive?path=/tmp/passwd')).toMatch(/^200 /);
  await box.docker('rm', 'upload');
});

describe('a terminal is left by its keys', () => {
  const RAW = 'Connection: Upgrade\\r\\nUpgrade: tcp\\r\\n';
  beforeAll(() => box.docker('run', '-dit', '--name', 'keys', 'busybox', 'cat'));

  test('of an attached container, which goes on', async () => {
    for (const [query, keys] of [
      ['', '\\x10\\x11'],
      ['&detachKeys=ctrl-a,d', '\\x01d'],
    ] as const) {
      const attached = await script(`
        const socket = connect();
        socket.write('POST /containers/keys/attach?stream=1&stdin=1&stdout=1${query} HTTP/1.1\\r\\nHost: d\\r\\n${RAW}\\r\\n');
        socket.once('data', () => socket.write('hello\\r${keys}'));
        socket.on('end', () => { console.log('left'); socket.end(); });`);
      expect(attached.stdout).toBe('left\n');
      expect(await box.docker('inspect', '-f', '{{.State.Running}}', 'keys')).toBe('true');
    }
    await eventually('the input has come', async () => (await box.docker('logs', 'keys')).includes('hello'));
  });

  test('of an exec, which goes on', async () => {
    const made = await post(
      '/containers/keys/exec',
      '{"Cmd":["cat"],"Tty":true,"AttachStdin":true,"AttachStdout":true,"DetachKeys":"x,y"}',
    );
    const { Id: id } = JSON.parse(made.slice(4)) as { Id: string };
    const attached = await script(`
      const socket = connect();
      const body = '{"Tty":true}';
      socket.write('POST /exec/${id}/start HTTP/1.1\\r\\nHost: d\\r\\nContent-Length: ' + body.length + '\\r\\n${RAW}\\r\\n' + body);
      socket.once('data', () => socket.write('xy'));
      socket.on('end', () => { console.log('left'); socket.end(); });`);
    expect(attached.stdout).toBe('left\n');
    expect(JSON.parse((await ask(`http://d/exec/${id}/json`)).slice(4))).toMatchObject({ Running: true });
    const actions = async () =>
      (await box.docker('events', '--since', '1m', '--until', '0s', '--format', '{{.Action}}')).split('\n');
    await expect.poll(actions).toEqual(expect.arrayContaining(['attach', 'detach', 'exec_detach']));
    await box.docker('rm', '-f', 'keys');
    expect(await ask(`http://d/exec/${id}/json`)).toMatch(/^404 .*No such exec instance/);
  });
});

describe('a WebSocket', () => {
  test('carries input and output', async () => {
    await box.docker('run', '-di', '--name', 'socket', 'busybox', 'cat');
    const talked = await script(`
      const url = 'ws+unix://${SOCKET}:/v1.51/containers/socket/attach/ws?stream=1&stdin=1&stdout=1&stderr=1';
      const socket = new WebSocket(url);
      let heard = '';
      socket.on('open', () => socket.send('over the web\\n'));
      socket.on('message', (data, binary) => { heard += data; console.log(binary, heard.trim()); socket.close(); });
      socket.on('close', () => console.log('closed'));`);
    expect(talked.stdout).toBe('true over the web\nclosed\n');
    await box.docker('rm', '-f', 'socket');
  });

  test('ends with the container', async () => {
    await box.docker('create', '--name', 'brief', 'busybox', 'echo', 'bye');
    const talked = script(`
      const socket = new WebSocket('ws+unix://${SOCKET}:/containers/brief/attach/ws?stream=1&stdout=1');
      socket.on('open', () => fetchStart());
      const fetchStart = () => connect().write('POST /containers/brief/start HTTP/1.1\\r\\nHost: d\\r\\nConnection: close\\r\\n\\r\\n');
      socket.on('message', (data) => console.log(String(data).trim()));
      socket.on('close', () => { console.log('closed'); process.exit(); });`);
    expect((await talked).stdout).toBe('bye\nclosed\n');
    await box.docker('rm', 'brief');
    expect(await ask('http://d/containers/nobody/attach/ws')).toMatch(/^400 /);
  });
});

describe('TCP', () => {
  const client = (folder: string) => ({
    DOCKER_HOST: TLS_HOST,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: local(folder),
  });
  const docker = (folder: string, ...args: string[]) =>
    box.tryHost([dockerProgram(), ...args], { env: client(folder) });

  test('is spoken with those whose certificate the authority has signed', async () => {
    const ran = await docker('tls', 'run', '--rm', 'busybox', 'echo', 'over TLS');
    expect(ran).toMatchObject({ stdout: 'over TLS\n', status: 0 });
    const piped = await box.tryHost([dockerProgram(), 'run', '--rm', '-i', 'busybox', 'cat'], {
      env: client('tls'),
      input: 'back and forth',
    });
    expect(piped).toMatchObject({ stdout: 'back and forth', status: 0 });
    const large = [
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'dd if=/dev/zero bs=1M count=8 2>/dev/null | tr "\\0" x',
    ];
    expect((await docker('tls', ...large)).stdout).toHaveLength(8 * 1024 * 1024);
  });

  test('is not spoken with others', async () => {
    const plain = await box.tryHost(['curl', '-s', '-m', '5', 'http://127.0.0.1:2376/_ping']);
    expect(plain.status).not.toBe(0);
    const anonymous = await box.tryHost(['curl', '-sk', '-m', '5', 'https://127.0.0.1:2376/_ping']);
    expect(anonymous.status).not.toBe(0);
    // A certificate of another authority, by a client that trusts the daemon's.
    mkdirSync(local('mixed'));
    await box.host(
      'cp',
      local('tls/ca.pem'),
      local('other/cert.pem'),
      local('other/key.pem'),
      local('mixed'),
    );
    const foreign = await docker('mixed', 'version');
    expect(foreign.stderr).toMatch(/tls|certificate|EOF|reset/i);
    expect(foreign.status).not.toBe(0);
  });

  test.each([
    [['-H', 'tcp://127.0.0.1:2375'], 'needs --tlsverify, --tlscacert, --tlscert and --tlskey'],
    [
      [
        '-H',
        'tcp://127.0.0.1:2375',
        '--tlsverify=false',
        '--tlscacert',
        '/a',
        '--tlscert',
        '/b',
        '--tlskey',
        '/c',
      ],
      'needs --tlsverify',
    ],
  ])('without certificates there is none: %j', async (flags, says) => {
    const refused = await box.tryHost([BERTH, 'daemon', ...flags]);
    expect(refused.stderr).toContain(says);
    expect(refused.status).toBe(1);
  });
});

test('the socket is for root and the group docker, where there is one', async () => {
  const entry = await box.tryHost(['sh', '-c', 'grep ^docker: /etc/group']);
  const group = entry.status === 0 ? Number(entry.stdout.split(':')[2]) : 0;
  const [mode, uid, gid] = (await box.host('stat', '-c', '%a %u %g', SOCKET)).trim().split(' ');
  expect([mode, uid, gid]).toEqual(['660', '0', String(group)]);
});
