import { HostInABox } from '../box/index.js';
import { dockerHalf, linuxHalf } from './chapters/index.js';
import { importTomcat } from './images.js';
import { Walkthrough, type Step } from './step.js';

interface Outcome {
  readonly chapter: string;
  readonly step: Step;
  readonly error: string | undefined;
}

const colour = process.stdout.isTTY;
const paint = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
const print = (line = ''): void => void process.stdout.write(`${line}\n`);

/** Goes through the text step by step in a host in a box, and prints what comes of each. */
async function demo(keep: boolean): Promise<number> {
  const began = performance.now();
  print('Berth walks through the text on a host in a box: namespaces of its own, beside an outside machine.');
  print(
    'Where the text has tomcat, a small web server in the busybox image stands, in an image of that name.',
  );
  const box = await HostInABox.create();
  let kept = false;
  try {
    await box.startDaemon();
    await importTomcat(box);
    const outcomes: Outcome[] = [];
    for (const { title, steps } of [...linuxHalf, ...dockerHalf]) {
      print(`\n${paint(1, `== ${title}`)}`);
      for (const step of steps) outcomes.push({ chapter: title, step, error: await goThrough(box, step) });
    }
    const failed = summarise(outcomes, (performance.now() - began) / 1000);
    if (keep) {
      kept = true;
      explainHowToReach(box);
      await interrupted();
    }
    return failed === 0 ? 0 : 1;
  } finally {
    await box[Symbol.asyncDispose]();
    if (kept) print('The box is gone.');
  }
}

async function goThrough(box: HostInABox, step: Step): Promise<string | undefined> {
  print();
  for (const line of step.text.split('\n')) print(paint(36, `text: ${line}`));
  if (step.here !== undefined) print(paint(2, `here: ${step.here}`));
  const walk = new Walkthrough(box, 'berth', (line) => print(`    ${line}`));
  try {
    await step.run(walk);
    print(`${paint(32, 'holds:')} ${step.says}`);
    return undefined;
  } catch (error) {
    print(`${paint(31, 'does not hold:')} ${step.says}`);
    const reason = error instanceof Error ? error.message : String(error);
    for (const line of reason.split('\n')) print(`    ${line}`);
    return reason;
  }
}

function summarise(outcomes: readonly Outcome[], seconds: number): number {
  print(`\n${paint(1, '== The steps')}\n`);
  let chapter = '';
  for (const { chapter: title, step, error } of outcomes) {
    if (title !== chapter) print(paint(1, (chapter = title)));
    const [first = '', ...more] = step.text.split('\n');
    const verdict = error === undefined ? paint(32, 'holds') : paint(31, 'FAILS');
    print(`  ${verdict}  ${first}${more.length > 0 ? ` (+${more.length})` : ''}`);
  }
  const failed = outcomes.filter(({ error }) => error !== undefined).length;
  print(
    `\n${outcomes.length - failed} of ${outcomes.length} steps are as the text says; ${seconds.toFixed(1)} s.`,
  );
  return failed;
}

function explainHowToReach(box: HostInABox): void {
  print(`
The box keeps running. A shell on its host, where berth, docker and curl find the daemon:

  nsenter -t ${box.hostPid} --net --mount -- env BERTH_HOST=${box.clientEnvironment['BERTH_HOST']} \\
    DOCKER_HOST=${box.clientEnvironment['DOCKER_HOST']} bash

A shell on the outside machine:

  nsenter -t ${box.outsidePid} --net -- bash

Press Ctrl-C to remove it all.`);
}

function interrupted(): Promise<void> {
  // A timer keeps the process alive while it waits.
  const alive = setInterval(() => undefined, 60_000);
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearInterval(alive);
        resolve();
      });
    }
  });
}

process.exitCode = await demo(process.argv.includes('--keep'));
