import { expect, test } from 'vitest';
import { BerthError, runSteps, silentLogger, type Step } from './index.js';

function recorded(log: string[], name: string, failure?: Error): Step {
  return {
    name,
    do: () => {
      if (failure !== undefined) throw failure;
      log.push(`do ${name}`);
    },
    undo: () => void log.push(`undo ${name}`),
  };
}

test('a failing step undoes the earlier ones in reverse and names itself', async () => {
  const log: string[] = [];
  const failure = new BerthError('exhausted', 'no address left');
  const steps = [recorded(log, 'a'), recorded(log, 'b'), recorded(log, 'c', failure), recorded(log, 'd')];
  await expect(runSteps('web', steps, silentLogger)).rejects.toMatchObject({
    code: 'exhausted',
    op: 'c',
    subject: 'web',
    message: 'no address left',
    cause: failure,
  });
  expect(log).toEqual(['do a', 'do b', 'undo b', 'undo a']);
});

test('an undo that fails does not stop the others', async () => {
  const log: string[] = [];
  const brittle: Step = {
    name: 'brittle',
    do: () => undefined,
    undo: () => {
      throw new Error('gone');
    },
  };
  await expect(
    runSteps('web', [recorded(log, 'a'), brittle, recorded(log, 'c', new Error('x'))], silentLogger),
  ).rejects.toThrow('x');
  expect(log).toEqual(['do a', 'undo a']);
});
