import { join } from 'node:path';

/** Where the parts of one container lie. */
export class ContainerPaths {
  /** What outlives a run. */
  readonly data: string;
  /** What a run needs: the bundle. */
  readonly bundle: string;
  readonly rootfs: string;
  /** Memory that it shares with other containers. */
  readonly shm: string;
  /** Parts of volumes, while the container is being started. */
  readonly subpaths: string;
  readonly upper: string;
  readonly work: string;
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  readonly log: string;

  constructor(roots: { readonly dataRoot: string; readonly execRoot: string }, id: string) {
    this.data = join(roots.dataRoot, 'containers', id);
    this.bundle = join(roots.execRoot, 'containers', id);
    this.rootfs = join(this.bundle, 'rootfs');
    this.shm = join(this.bundle, 'shm');
    this.subpaths = join(this.bundle, 'subpaths');
    this.upper = join(this.data, 'upper');
    this.work = join(this.data, 'work');
    this.hosts = join(this.data, 'hosts');
    this.hostname = join(this.data, 'hostname');
    this.resolvConf = join(this.data, 'resolv.conf');
    this.log = join(this.data, `${id}.log`);
  }
}
