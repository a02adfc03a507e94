import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect } from '../client/api-client.js';
import { printProgress } from '../client/json-stream.js';
import { print } from '../terminal/output.js';
import { Failure, collect, command, forEach, needOperands, parse } from './command.js';
import { splitReference } from './references.js';

/** `berth image import` */
export async function imageImport(argv: readonly string[]): Promise<number> {
  const parser = command(
    'image import',
    '[OPTIONS] FILE|- [REPOSITORY[:TAG]]',
    'Make an image of an archive of a root file system',
  )
    .option('-c, --change <instruction>', 'an instruction of a Dockerfile: CMD, ENV, EXPOSE, …', collect)
    .option('-m, --message <text>', 'a note about it');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1, 2);
  const [file = '', reference = ''] = operands;
  const { change, message } = parser.opts<{ change?: string[]; message?: string }>();
  if (file !== '-')
    await stat(file).catch(() => Promise.reject(new Failure(`open ${file}: no such file or directory`)));
  const { repo, tag } = splitReference(reference);
  const query = new URLSearchParams({ fromSrc: '-', repo });
  if (tag !== undefined) query.set('tag', tag);
  if (message !== undefined) query.set('message', message);
  for (const instruction of change ?? []) query.append('changes', instruction);
  const upload = file === '-' ? process.stdin : createReadStream(file);
  const stream = await connect().stream('POST', `/images/create?${query.toString()}`, { upload });
  await printProgress(stream, print);
  return 0;
}

/** `berth image rm` */
export async function imageRm(argv: readonly string[]): Promise<number> {
  const parser = command('image rm', '[OPTIONS] IMAGE [IMAGE...]', 'Remove images')
    .option('-f, --force', 'even if a stopped container uses it')
    .option('--no-prune', 'keep untagged parents');
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 1);
  const { force, prune } = parser.opts<{ force?: boolean; prune: boolean }>();
  const api = connect();
  return forEach(operands, async (reference) => {
    const query = { force, noprune: prune ? undefined : true };
    const done = await api.call<{ Untagged?: string; Deleted?: string }[]>(
      'DELETE',
      `/images/${encodeURIComponent(reference)}`,
      { query },
    );
    for (const { Untagged, Deleted } of done)
      print(Untagged === undefined ? `Deleted: ${Deleted ?? ''}\n` : `Untagged: ${Untagged}\n`);
  });
}

/** `berth image tag` */
export async function imageTag(argv: readonly string[]): Promise<number> {
  const parser = command(
    'image tag',
    'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
    'Give an image a further name',
  );
  const operands = parse(parser, argv);
  if (operands === undefined) return 0;
  needOperands(parser, operands, 2, 2);
  const [source = '', target = ''] = operands;
  await connect().call('POST', `/images/${encodeURIComponent(source)}/tag`, {
    query: splitReference(target),
  });
  return 0;
}
