import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBox } from '../box/fixture.js';
import { DescribedApi, type Answer } from './described-api.js';

const fixture = useBox();
let api: DescribedApi;
let web: string;

type Call = Parameters<DescribedApi['call']>[1];

/** Calls an operation that must answer with that status, in the shape that the description has for it. */
async function expectAnswer(operation: string, status: number, call: Call = {}): Promise<Answer> {
  const answer = await api.call(operation, call);
  const { wrong } = answer;
  expect({ operation, status: answer.status, wrong }).toEqual({ operation, status, wrong: [] });
  return answer;
}
const idOf = ({ body }: Answer) => (body as { Id: string }).Id;
const filters = (values: object) => ({ filters: JSON.stringify(values) });

beforeAll(async () => {
  api = new DescribedApi(fixture.box);
  const created = await expectAnswer('POST /containers/create', 201, {
    query: { name: 'web' },
    body: {
      Image: 'busybox',
      Cmd: ['httpd', '-f', '-p', '80', '-h', '/etc'],
      Labels: { team: 'sea' },
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '18070' }] } },
    },
  });
  web = idOf(created);
  await expectAnswer('POST /containers/{id}/start', 204, { path: { id: web } });
});
afterAll(() => {
  process.stdout.write(`${api.coverage.join('\n')}\n`);
});

describe('answers have the shape that the published description gives them', () => {
  test('about the daemon', async () => {
    await expectAnswer('GET /_ping', 200);
    await expectAnswer('HEAD /_ping', 200);
    await expectAnswer('GET /version', 200);
    await expectAnswer('GET /info', 200);
    await expectAnswer('GET /system/df', 200);
    const until = String(Math.floor(Date.now() / 1000));
    await expectAnswer('GET /events', 200, { query: { since: '0', until } });
    await expectAnswer('GET /events', 400, { query: { filters: '{' } });
  });

  test('about containers', async () => {
    const path = { id: web };
    await expectAnswer('GET /containers/json', 200, { query: { all: '1', size: '1' } });
    await expectAnswer('GET /containers/json', 400, { query: filters({ colour: ['blue'] }) });
    await expectAnswer('GET /containers/{id}/json', 200, { path });
    await expectAnswer('GET /containers/{id}/json', 404, { path: { id: 'nobody' } });
    await expectAnswer('GET /containers/{id}/top', 200, { path });
    await expectAnswer('GET /containers/{id}/logs', 200, { path, query: { stdout: '1' } });
    await expectAnswer('GET /containers/{id}/changes', 200, { path });
    await expectAnswer('GET /containers/{id}/stats', 200, { path, query: { stream: '0' } });
    await expectAnswer('POST /containers/{id}/resize', 200, { path, query: { h: '24', w: '80' } });
    await expectAnswer('POST /containers/{id}/pause', 204, { path });
    await expectAnswer('POST /containers/{id}/unpause', 204, { path });
    await expectAnswer('POST /containers/{id}/start', 304, { path });
    await expectAnswer('POST /containers/{id}/rename', 204, { path, query: { name: 'site' } });
    await expectAnswer('POST /containers/{id}/update', 200, { path, body: { PidsLimit: 100 } });
    await expectAnswer('POST /containers/{id}/restart', 204, { path, query: { t: '0' } });
    await expectAnswer('DELETE /containers/{id}', 409, { path });
    const waiting = expectAnswer('POST /containers/{id}/wait', 200, { path });
    await expectAnswer('POST /containers/{id}/kill', 204, { path });
    await waiting;
    await expectAnswer('POST /containers/{id}/kill', 409, { path });
    await expectAnswer('POST /containers/{id}/stop', 304, { path });
    await expectAnswer('POST /containers/{id}/start', 204, { path });
    await expectAnswer('POST /containers/{id}/stop', 204, { path, query: { t: '0' } });
    await expectAnswer('POST /containers/create', 404, { body: { Image: 'nothing' } });
    await expectAnswer('POST /containers/create', 400, { raw: '{"Image": ' });
    await expectAnswer('POST /containers/create', 409, {
      query: { name: 'site' },
      body: { Image: 'busybox' },
    });
  });

  test('about commands in containers', async () => {
    await expectAnswer('POST /containers/{id}/start', 204, { path: { id: web } });
    const body = { Cmd: ['true'], AttachStdout: true };
    const exec = idOf(await expectAnswer('POST /containers/{id}/exec', 201, { path: { id: web }, body }));
    await expectAnswer('POST /exec/{id}/start', 200, { path: { id: exec }, body: { Detach: true } });
    await expectAnswer('GET /exec/{id}/json', 200, { path: { id: exec } });
    await expectAnswer('GET /exec/{id}/json', 404, { path: { id: 'nobody' } });
    await expectAnswer('POST /containers/{id}/exec', 404, { path: { id: 'nobody' }, body });
  });

  test('about files of containers', async () => {
    const path = { id: web };
    await expectAnswer('HEAD /containers/{id}/archive', 200, { path, query: { path: '/etc/hostname' } });
    await expectAnswer('GET /containers/{id}/archive', 200, { path, query: { path: '/etc/hostname' } });
    await expectAnswer('GET /containers/{id}/archive', 404, { path, query: { path: '/nothing' } });
    await expectAnswer('GET /containers/{id}/export', 200, { path });
  });

  test('about networks', async () => {
    const body = { Name: 'sea', Labels: { team: 'sea' }, IPAM: { Config: [{ Subnet: '10.92.0.0/24' }] } };
    const id = idOf(await expectAnswer('POST /networks/create', 201, { body }));
    await expectAnswer('POST /networks/create', 400, {
      body: { Name: 'bad', IPAM: { Config: [{ Subnet: 'x' }] } },
    });
    await expectAnswer('GET /networks', 200);
    await expectAnswer('POST /networks/{id}/connect', 200, { path: { id }, body: { Container: web } });
    await expectAnswer('GET /networks/{id}', 200, { path: { id }, query: { verbose: '1' } });
    await expectAnswer('GET /networks/{id}', 404, { path: { id: 'nothing' } });
    await expectAnswer('DELETE /networks/{id}', 403, { path: { id } });
    await expectAnswer('POST /networks/{id}/disconnect', 200, { path: { id }, body: { Container: web } });
    await expectAnswer('POST /networks/{id}/connect', 404, { path: { id }, body: { Container: 'nobody' } });
    await expectAnswer('DELETE /networks/{id}', 204, { path: { id } });
    await expectAnswer('POST /networks/prune', 200);
  });

  test('about volumes', async () => {
    await expectAnswer('POST /volumes/create', 201, { body: { Name: 'data', Labels: { team: 'sea' } } });
    await expectAnswer('GET /volumes', 200);
    await expectAnswer('GET /volumes/{name}', 200, { path: { name: 'data' } });
    await expectAnswer('GET /volumes/{name}', 404, { path: { name: 'nothing' } });
    await expectAnswer('DELETE /volumes/{name}', 204, { path: { name: 'data' } });
    await expectAnswer('POST /volumes/prune', 200);
  });

  test('about images', async () => {
    const path = { name: 'busybox' };
    await expectAnswer('GET /images/json', 200);
    await expectAnswer('GET /images/{name}/json', 200, { path });
    await expectAnswer('GET /images/{name}/json', 404, { path: { name: 'nothing' } });
    await expectAnswer('GET /images/{name}/history', 200, { path });
    await expectAnswer('POST /images/{name}/tag', 201, { path, query: { repo: 'mine', tag: '1' } });
    await expectAnswer('DELETE /images/{name}', 200, { path: { name: 'mine:1' } });
    await expectAnswer('DELETE /images/{name}', 404, { path: { name: 'nothing' } });
    await expectAnswer('POST /images/prune', 200);
    await expectAnswer('POST /commit', 201, { query: { container: web, repo: 'kept' }, body: {} });
    await expectAnswer('DELETE /images/{name}', 200, { path: { name: 'kept' } });
  });

  test('where there is no swarm and no plugin', async () => {
    await expectAnswer('GET /plugins', 200);
    for (const operation of [
      'GET /swarm',
      'GET /nodes',
      'GET /services',
      'GET /tasks',
      'GET /secrets',
      'GET /configs',
      'GET /swarm/unlockkey',
      'GET /nodes/{id}',
      'GET /services/{id}',
      'GET /tasks/{id}',
      'POST /services/create',
      'POST /secrets/create',
      'POST /configs/create',
    ])
      await expectAnswer(operation, 503, { path: { id: 'one' } });
  });

  test('about what is removed', async () => {
    await expectAnswer('DELETE /containers/{id}', 204, { path: { id: web }, query: { force: '1' } });
    await expectAnswer('DELETE /containers/{id}', 404, { path: { id: web } });
    await expectAnswer('POST /containers/prune', 200);
  });
});
