import { createHash } from 'node:crypto';
import { BerthError, isBerthError } from '@berth/core';
import type { Image } from '../model.js';
import type { Layers } from './layers.js';
import { shortImageId, type ImageTable } from './table.js';

/** Who uses an image, for the refusal to remove it. */
export interface ImageUse {
  readonly containerId: string;
  readonly running: boolean;
}

export interface RemovalContext {
  readonly table: ImageTable;
  readonly layers: Layers;
  readonly uses: (id: Image['id']) => ImageUse[];
}

export interface Removal {
  readonly untagged: string[];
  /** The image, and then its layers (as the digests of the chains that end with them) from the top down. */
  readonly deleted: string[];
}

/**
 * Takes a name away, and the image with its last one.
 *
 * @throws BerthError `conflict` while containers use it, images are built on it, or several names hold it and `force`
 *   is not given
 */
export async function removeImage(
  context: RemovalContext,
  reference: string,
  { force, noPrune }: { readonly force: boolean; readonly noPrune: boolean },
): Promise<Removal> {
  const { table, uses } = context;
  const image = table.get(reference);
  const name = table.nameOf(reference);
  const using = uses(image.id);
  const last = name === undefined || !hasOther(image, name);
  if (last) refuseWhileUsed(image, name, using, force);
  if (name === undefined) {
    if (table.children(image.id).length > 0) throw dependents(image);
    if (repositories(image).size > 1 && !force) {
      throw new BerthError(
        'conflict',
        `conflict: unable to delete ${shortImageId(image.id)} (must be forced) - image is referenced in multiple repositories`,
      );
    }
  }
  const names = namesToTake(image, name);
  for (const gone of names) table.untag(image.id, gone);
  // A forced removal under a stopped container leaves the container its layers.
  if (!last || using.length > 0 || table.children(image.id).length > 0)
    return { untagged: names, deleted: [] };
  return { untagged: names, deleted: await deleteImage(context, image, !noPrune) };
}

/** Removes an image that has no name and nobody uses, and with `parents` those that are only there for it. */
async function deleteImage(context: RemovalContext, image: Image, parents: boolean): Promise<string[]> {
  const { table, layers, uses } = context;
  table.delete(image.id);
  const gone = new Set(await layers.remove(image.diffIds));
  const deleted = [
    image.id,
    ...chainIds(image.diffIds)
      .filter((_, index) => gone.has(image.diffIds[index] ?? ''))
      .reverse(),
  ];
  if (!parents || image.parent === undefined || !table.has(image.parent)) return deleted;
  const parent = table.get(image.parent);
  const wanted =
    parent.repoTags.length + parent.repoDigests.length + table.children(parent.id).length > 0 ||
    uses(parent.id).length > 0;
  return wanted ? deleted : [...deleted, ...(await deleteImage(context, parent, true))];
}

/** Removes what has no tag (`danglingOnly`) or is used by no container, where `fits` says so. @returns what went, and how many bytes */
export async function pruneImages(
  context: RemovalContext,
  { danglingOnly, fits }: { readonly danglingOnly: boolean; readonly fits: (image: Image) => boolean },
): Promise<Removal & { readonly reclaimed: number }> {
  const { table, layers, uses } = context;
  const removal = { untagged: [] as string[], deleted: [] as string[] };
  let reclaimed = 0;
  for (const image of table.all()) {
    const named = image.repoTags.length > 0;
    if (!table.has(image.id) || (danglingOnly && named) || !fits(image) || uses(image.id).length > 0)
      continue;
    if (!named && table.children(image.id).length > 0) continue;
    const sizes = new Map(image.diffIds.map((diffId) => [diffId, layers.sizeOf(diffId)]));
    try {
      const before = table.diffIds();
      for (const name of [...image.repoTags, ...image.repoDigests]) {
        if (!table.has(image.id) || table.nameOf(name) === undefined) continue;
        add(removal, await removeImage(context, name, { force: false, noPrune: false }));
      }
      if (table.has(image.id))
        add(removal, await removeImage(context, image.id, { force: false, noPrune: false }));
      const after = table.diffIds();
      for (const [diffId, size] of sizes) if (before.has(diffId) && !after.has(diffId)) reclaimed += size;
    } catch (error) {
      // It has found a user meanwhile.
      if (!isBerthError(error, 'conflict')) throw error;
    }
  }
  return { ...removal, reclaimed };
}

function add(sum: Removal, more: Removal): void {
  sum.untagged.push(...more.untagged);
  sum.deleted.push(...more.deleted);
}

/** The ids of the chains of layers (OCI image specification, config.md, "Layer ChainID"). */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(
      below === undefined
        ? diffId
        : `sha256:${createHash('sha256').update(`${below} ${diffId}`).digest('hex')}`,
    );
  }
  return chain;
}

/** With the last tag of a repository go the digests by which that repository knew it, as with Docker. */
function namesToTake(image: Image, name: string | undefined): string[] {
  if (name === undefined) return [...image.repoTags, ...image.repoDigests];
  const repository = repositoryOf(name);
  const siblings = image.repoTags.some((tag) => tag !== name && repositoryOf(tag) === repository);
  if (siblings || name.includes('@')) return [name];
  return [name, ...image.repoDigests.filter((digest) => repositoryOf(digest) === repository)];
}

function hasOther(image: Image, name: string): boolean {
  const gone = new Set(namesToTake(image, name));
  return [...image.repoTags, ...image.repoDigests].some((other) => !gone.has(other));
}

function repositories(image: Image): Set<string> {
  return new Set([...image.repoTags, ...image.repoDigests].map(repositoryOf));
}

function repositoryOf(name: string): string {
  const at = name.indexOf('@');
  return at < 0 ? name.slice(0, name.lastIndexOf(':')) : name.slice(0, at);
}

function dependents(image: Image): BerthError {
  return new BerthError(
    'conflict',
    `conflict: unable to delete ${shortImageId(image.id)} (cannot be forced) - image has dependent child images`,
  );
}

function refuseWhileUsed(
  image: Image,
  name: string | undefined,
  uses: readonly ImageUse[],
  force: boolean,
): void {
  const blocking = uses.find((use) => use.running) ?? uses[0];
  if (blocking === undefined || (force && !blocking.running)) return;
  const familiar = name?.replace(/:latest$/, '') ?? '';
  const subject = name === undefined ? shortImageId(image.id) : `repository reference "${familiar}"`;
  const how = blocking.running ? 'cannot be forced' : 'must be forced';
  const state = blocking.running ? 'running container' : 'stopped container';
  const verb = name === undefined ? 'unable to delete' : 'unable to remove';
  const tail =
    name === undefined
      ? `image is being used by ${state} ${blocking.containerId.slice(0, 12)}`
      : `container ${blocking.containerId.slice(0, 12)} is using its referenced image ${shortImageId(image.id)}`;
  throw new BerthError('conflict', `conflict: ${verb} ${subject} (${how}) - ${tail}`);
}
