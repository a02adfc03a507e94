import { connect } from '../client/api-client.js';
import { printProgress } from '../client/json-stream.js';
import { registryAuth } from '../client/registry-credentials.js';
import { print } from '../terminal/output.js';
import { command, needOperands, parse } from './command.js';
import { splitReference } from './references.js';

/** `berth pull` */
export async function pull(argv: readonly string[]): Promise<number> {
  const parser = command('pull', '[OPTIONS] NAME[:TAG|@DIGEST]', 'Fetch an image from a registry')
    .option('-q, --quiet', 'print its name alone')
    .option('--platform <platform>', 'linux/amd64, …');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const [image = ''] = operands;
  const { quiet, platform } = parser.opts<{ quiet?: boolean; platform?: string }>();
  await pullImage(image, quiet === true ? () => undefined : print, platform);
  print(`${image}\n`);
  return 0;
}

/** Fetches an image, and tells how it goes. */
export async function pullImage(
  image: string,
  tell: (text: string) => void,
  platform?: string,
): Promise<void> {
  const { repo, tag = 'latest' } = splitReference(image);
  const stream = await connect().stream('POST', '/images/create', {
    query: { fromImage: repo, tag, platform },
    headers: { 'x-registry-auth': registryAuth(image) },
  });
  await printProgress(stream, tell);
}

/** `berth push` */
export async function push(argv: readonly string[]): Promise<number> {
  const parser = command('push', '[OPTIONS] NAME[:TAG]', 'Send an image to a registry').option(
    '-q, --quiet',
    'print its name alone',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 1);
  const [image = ''] = operands;
  const { quiet } = parser.opts<{ quiet?: boolean }>();
  const { repo, tag } = splitReference(image);
  const stream = await connect().stream('POST', `/images/${encodeURIComponent(repo)}/push`, {
    query: { tag },
    headers: { 'x-registry-auth': registryAuth(image) },
  });
  await printProgress(stream, quiet === true ? () => undefined : print);
  if (quiet === true) print(`${image}\n`);
  return 0;
}
