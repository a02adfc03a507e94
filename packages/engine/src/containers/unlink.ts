import { BerthError } from '@berth/core';
import { pathsOf, type ContainerContext } from './context.js';
import { parseLink } from './links.js';
import { networkFilesInput, updateNetworkFiles } from './network-files.js';
import { asSandboxId } from './snapshot.js';
import { isRunning } from './table.js';

/**
 * Takes a link of the default bridge away: `web/db` is what the container `web` calls another one.
 *
 * @throws BerthError `not-found`, in Docker's wording, where there is no such link
 */
export function removeLink(context: ContainerContext, reference: string, alias: string): void {
  const { table, network } = context;
  const record = table.find(reference);
  const { links = [] } = record.spec.host;
  const left = links.filter((link) => parseLink(link).alias !== alias);
  if (left.length === links.length) {
    const name = `${reference}/${alias}`;
    throw new BerthError('not-found', `No such container: ${name}`, { subject: name });
  }
  const sandbox = isRunning(record) ? network.sandbox(asSandboxId(record.id)) : undefined;
  const before = sandbox && networkFilesInput(context, record, sandbox);
  const host = { ...record.spec.host, links: left };
  const unlinked = table.update(record.id, { spec: { ...record.spec, host } });
  if (sandbox === undefined || before === undefined) return;
  updateNetworkFiles(pathsOf(context, record.id), before, networkFilesInput(context, unlinked, sandbox));
}
