import { partOfConfig, type HistoryLine, type Image, type ImageConfig } from '@berth/engine';
import { anything, isZero, refuseOthers } from './refuse.js';
import { BerthError } from '@berth/core';
import { hasLabels, type Filters } from '../http/query.js';
import { parseUntil } from './until.js';
import { unixSeconds } from './durations.js';
import { healthcheckJson } from './health.js';
import { portKey } from './ports.js';

/** Filters of `GET /images/json` that are acted on. */
export const IMAGE_FILTERS = ['before', 'dangling', 'label', 'reference', 'since', 'until'];

/**
 * An element of `GET /images/json`.
 *
 * @param containers how many use it
 * @param sharedSize bytes that it shares with others; -1: not asked for
 */
export function imageSummary(image: Image, containers: number, sharedSize = -1) {
  return {
    Id: image.id,
    ParentId: image.parent ?? '',
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Created: unixSeconds(image.created),
    Size: image.size,
    SharedSize: sharedSize,
    VirtualSize: image.size,
    Labels: Object.keys(image.config.labels).length === 0 ? null : image.config.labels,
    Containers: containers,
  };
}

/** `GET /images/{name}/json`. */
export function imageInspect(image: Image) {
  const { config } = image;
  const set = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]));
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Parent: image.parent ?? '',
    Comment: image.message,
    Created: image.created,
    DockerVersion: '',
    Author: image.author ?? '',
    Config: {
      Hostname: '',
      Domainname: '',
      User: config.user ?? '',
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: false,
      ExposedPorts: config.exposedPorts.length === 0 ? null : set(config.exposedPorts.map(portKey)),
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Env: config.env,
      Cmd: config.command ?? null,
      Image: '',
      Volumes: config.volumes.length === 0 ? null : set(config.volumes),
      WorkingDir: config.workingDirectory ?? '',
      Entrypoint: config.entrypoint ?? null,
      OnBuild: null,
      Labels: config.labels,
      ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
      ...(config.healthcheck && { Healthcheck: healthcheckJson(config.healthcheck) }),
    },
    Architecture: image.architecture,
    ...(image.variant !== undefined && { Variant: image.variant }),
    Os: image.os,
    Size: image.size,
    VirtualSize: image.size,
    GraphDriver: { Name: 'overlay2', Data: {} },
    RootFS: { Type: 'layers', Layers: image.diffIds },
    Metadata: { LastTagTime: image.lastTagTime ?? '0001-01-01T00:00:00Z' },
  };
}

/** An element of `GET /images/{name}/history`. */
export function historyItem({ id, created, createdBy, tags, size, comment }: HistoryLine) {
  return {
    Id: id,
    Created: created === undefined ? 0 : unixSeconds(created),
    CreatedBy: createdBy ?? '',
    Tags: tags.length === 0 ? null : tags,
    Size: size,
    Comment: comment ?? '',
  };
}

/** `DELETE /images/{name}` and `POST /images/prune`. */
export function deletions({
  untagged,
  deleted,
}: {
  untagged: readonly string[];
  deleted: readonly string[];
}) {
  return [...untagged.map((Untagged) => ({ Untagged })), ...deleted.map((Deleted) => ({ Deleted }))];
}

/**
 * The images that pass all filters, newest first.
 *
 * @param find finds the image that `before` and `since` name
 * @throws BerthError `invalid` for a `reference` with wildcards
 */
export function filterImages(
  images: readonly Image[],
  filters: Filters,
  find: (name: string) => Image,
): Image[] {
  const created = (image: Image) => Date.parse(image.created);
  const bounds = (name: string) => (filters.get(name) ?? []).map((reference) => created(find(reference)));
  const [before, since] = [bounds('before'), bounds('since')];
  const references = (filters.get('reference') ?? []).map(referencePattern);
  const dangling = filters.get('dangling') ?? [];
  const until = (filters.get('until') ?? []).map(parseUntil);
  return images
    .filter((image) => until.every((instant) => created(image) < instant))
    .filter((image) => before.every((instant) => created(image) < instant))
    .filter((image) => since.every((instant) => created(image) > instant))
    .filter((image) => hasLabels(image.config.labels, filters.get('label')))
    .filter((image) =>
      dangling.every((value) => ['1', 'true'].includes(value) === (image.repoTags.length === 0)),
    )
    .filter(
      (image) =>
        references.length === 0 ||
        references.some((pattern) => image.repoTags.some((tag) => pattern.test(tag))),
    )
    .sort((a, b) => created(b) - created(a));
}

/** `busybox`, `busy*:1.*`: shell wildcards that stop at a slash; without a tag any tag fits. */
function referencePattern(reference: string): RegExp {
  if (/[[\]\\]/.test(reference)) {
    throw new BerthError(
      'invalid',
      `invalid filter 'reference=${reference}': only * and ? are wildcards here`,
    );
  }
  const pattern = reference
    .replace(/[.+^${}()|]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${pattern}${/:[^/]*$/.test(reference) ? '' : '(:[^/]*)?'}$`);
}

/**
 * The body of `POST /commit`: parts of a container's configuration that go before those of the container.
 *
 * @throws BerthError `invalid`, naming the first field that is wrong or that Berth does not act on
 */
export function committedConfig(body: unknown): Partial<ImageConfig> {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object') throw new BerthError('invalid', 'the request body must be an object');
  const known = ['Cmd', 'Entrypoint', 'Env', 'ExposedPorts', 'Labels', 'StopSignal', 'User', 'Volumes'];
  refuseOthers('', body, [...known, 'WorkingDir'], {
    // Of the container alone: an image says nothing of them.
    ...Object.fromEntries(
      [
        'Hostname',
        'Domainname',
        'AttachStdin',
        'AttachStdout',
        'AttachStderr',
        'Tty',
        'OpenStdin',
        'StdinOnce',
        'Image',
      ].map((name) => [name, anything]),
    ),
  });
  const asked = body as Readonly<Record<string, unknown>>;
  const config = Object.fromEntries(Object.entries(asked).filter(([, value]) => !isZero(value)));
  return partOfConfig(config);
}
