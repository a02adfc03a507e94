// Sends mutated queries to the name service for as long as it takes: 1,000,000 to what makes the answers, 100,000 to a
// live server in a network namespace, over UDP and TCP. Run by `npm run soak`; needs root, as all of Berth does.
// `npm run soak -- SEED` repeats a run.
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { decode } from 'dns-packet';
import { build } from 'esbuild';

const MUTANTS = 1_000_000;
const MUTANTS_PER_RUN = 100_000;
const LIVE_MUTANTS = 100_000;
const LIVE_PER_RUN = 20_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const seed = process.argv[2] === undefined ? randomInt(2 ** 31) : Number(process.argv[2]);
if (!Number.isInteger(seed)) {
  console.error(`soak: "${process.argv[2]}" is no seed: it should be a whole number`);
  process.exit(2);
}

/** The sources as they are, in one module; what has binaries stays outside, and so the module lies beneath the root. */
async function load(folder) {
  const outfile = join(folder, 'soak.mjs');
  await build({
    absWorkingDir: root,
    stdin: {
      contents: [
        `export { askMutants, frontEndpoint, respondToMutants } from './packages/network/src/dns/soak.fixture.ts';`,
        `export { NameService } from './packages/network/src/dns/name-service.ts';`,
        `export { NetworkNamespace } from './packages/kernel/src/index.ts';`,
        `export { silentLogger } from './packages/core/src/index.ts';`,
      ].join('\n'),
      resolveDir: root,
    },
    alias: {
      '@berth/core': `${root}packages/core/src/index.ts`,
      '@berth/kernel': `${root}packages/kernel/src/index.ts`,
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

const total = { passed: 0, failed: 0 };

/** Does a part in runs, each with a seed of its own, and says how it went. */
async function part(what, count, perRun, run) {
  const started = performance.now();
  let failed = 0;
  for (let done = 0; done < count; done += perRun) {
    const result = await run(perRun, seed + done);
    total.passed += result.passed;
    failed += result.failed;
    if (result.firstFailure) console.log(`soak: seed ${seed + done}, ${result.firstFailure}`);
  }
  total.failed += failed;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const memory = Math.round(process.memoryUsage().rss / 1024 / 1024);
  console.log(`soak: ${count} ${what}: ${failed} failed, ${seconds} s, ${memory} MiB`);
}

console.log(`soak: seed ${seed}`);
mkdirSync(join(root, '.cache'), { recursive: true });
const folder = mkdtempSync(join(root, '.cache', 'soak-'));
const sandbox = mkdtempSync(join(tmpdir(), 'berth-soak-'));
const path = join(sandbox, 'sandbox');
try {
  const { askMutants, frontEndpoint, respondToMutants, NameService, NetworkNamespace, silentLogger } =
    await load(folder);
  await part('mutated queries to the responder', MUTANTS, MUTANTS_PER_RUN, (count, from) =>
    respondToMutants(count, from, decode),
  );
  const namespace = NetworkNamespace.create(path);
  const service = new NameService({ logger: silentLogger, hostResolvers: () => [] });
  try {
    execFileSync('nsenter', [`--net=${path}`, 'ip', 'link', 'set', 'lo', 'up']);
    for (let index = 1; index <= 200; index++) service.setEndpoint(frontEndpoint(index));
    await service.open('s1', path, namespace, { forwarding: true });
    await part(
      'mutated queries to a live server, over UDP and TCP',
      LIVE_MUTANTS,
      LIVE_PER_RUN,
      (count, from) => askMutants(namespace, count, from, decode),
    );
    console.log(`soak: its counters: ${JSON.stringify(service.counters('s1'))}`);
  } finally {
    await service.shutdown();
    namespace.close();
    NetworkNamespace.remove(path);
  }
} finally {
  rmSync(sandbox, { recursive: true });
  rmSync(folder, { recursive: true });
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
