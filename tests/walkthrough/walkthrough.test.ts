import { afterAll, beforeAll, describe, test } from 'vitest';
import { HostInABox } from '../box/index.js';
import { dockerHalf, linuxHalf } from './chapters/index.js';
import { importTomcat } from './images.js';
import { Walkthrough, type Chapter, type Front } from './step.js';

function walkThrough(front: Front, chapters: readonly Chapter[]): void {
  let box: HostInABox;
  beforeAll(async () => {
    box = await HostInABox.create();
    await box.startDaemon();
    await importTomcat(box);
  });
  afterAll(() => box[Symbol.asyncDispose]());
  for (const { title, steps } of chapters) {
    describe(title, () => {
      for (const step of steps)
        test(step.text.replaceAll('\n', '; '), () => step.run(new Walkthrough(box, front)));
    });
  }
}

describe('the text, by the berth command', () => walkThrough('berth', [...linuxHalf, ...dockerHalf]));
describe('the Docker half of the text, by the docker command', () => walkThrough('docker', dockerHalf));
