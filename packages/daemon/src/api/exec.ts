import { parseDetachKeys } from '../http/detach-keys.js';
import { hijack } from '../http/hijack.js';
import { Query } from '../http/query.js';
import type { App } from '../http/server.js';
import { execInspect, execSpec } from '../json/execs.js';
import { ExecCreate, ExecStart } from '../json/schemas.js';
import type { ApiContext } from './context.js';
import { IdParameter, terminalSize } from './parameters.js';

/** Further processes in a running container. */
export function execRoutes(app: App, { engine }: ApiContext): void {
  const { execs } = engine;

  app.post(
    '/containers/:id/exec',
    { schema: { params: IdParameter, body: ExecCreate } },
    async (request, reply) => {
      const spec = execSpec(request.body);
      if (spec.detachKeys !== undefined) parseDetachKeys(spec.detachKeys);
      return reply.code(201).send({ Id: execs.create(request.params.id, spec).id });
    },
  );

  app.post(
    '/exec/:id/start',
    { schema: { params: IdParameter, body: ExecStart } },
    async (request, reply) => {
      const { Detach: detach, Tty: tty, ConsoleSize: size } = request.body ?? {};
      const { id, spec } = execs.get(request.params.id);
      const stream = await execs.start(id, { detach: detach ?? false, tty: tty ?? spec.tty });
      if (stream === undefined) return reply.send();
      hijack(
        request,
        reply,
        stream,
        spec.detachKeys === undefined ? undefined : parseDetachKeys(spec.detachKeys),
      );
      const [rows = 0, columns = 0] = size ?? [];
      // The process may have ended by now; a size is no reason to fail.
      if (spec.tty && rows > 0 && columns > 0)
        await execs.resize(id, { rows, columns }).catch(() => undefined);
      return reply;
    },
  );

  app.post('/exec/:id/resize', { schema: { params: IdParameter } }, async (request, reply) => {
    await execs.resize(request.params.id, terminalSize(new Query(request)));
    return reply.send();
  });

  app.get('/exec/:id/json', { schema: { params: IdParameter } }, (request) =>
    execInspect(execs.get(request.params.id)),
  );
}
