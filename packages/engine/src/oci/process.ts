import { mergeEnvironment } from '../images/config.js';
import type { TerminalSize } from '../model.js';
import type { RuntimeLimit } from './rlimits.js';
import type { ProcessUser } from './user.js';

/** The `process` part of an OCI configuration; also what `runc exec --process` takes. */
export interface ProcessSpec {
  readonly terminal: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: Readonly<Record<'bounding' | 'effective' | 'permitted', readonly string[]>>;
  readonly noNewPrivileges: boolean;
  readonly rlimits?: readonly RuntimeLimit[];
  readonly oomScoreAdj?: number;
}

export interface ProcessInput {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: ProcessUser;
  readonly tty: boolean;
  /** What the terminal begins with; clients tell of changes. */
  readonly size?: TerminalSize | undefined;
  readonly capabilities: readonly string[];
  readonly noNewPrivileges?: boolean;
  readonly rlimits?: readonly RuntimeLimit[];
  /** From -1000 to 1000: proc_pid_oom_score_adj(5). */
  readonly oomScoreAdj?: number;
}

/** A process with the user's rights: one who is not root has the capabilities in its bounding set only. */
export function processSpec(input: ProcessInput): ProcessSpec {
  const { args, env, cwd, user, tty, size, capabilities, rlimits = [], oomScoreAdj } = input;
  const held = user.uid === 0 ? capabilities : [];
  return {
    terminal: tty,
    ...(tty && size !== undefined ? { consoleSize: { height: size.rows, width: size.columns } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args,
    env,
    cwd: cwd === '' ? '/' : cwd,
    capabilities: { bounding: capabilities, effective: held, permitted: held },
    noNewPrivileges: input.noNewPrivileges ?? false,
    ...(rlimits.length > 0 && { rlimits }),
    ...(oomScoreAdj !== undefined && { oomScoreAdj }),
  };
}

/** Docker's `system.DefaultPathEnv`. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a process finds in its environment besides what the user gave. */
export function environment(input: {
  readonly env: readonly string[];
  readonly hostname: string;
  readonly home: string;
  readonly tty: boolean;
}): string[] {
  const base = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${input.hostname}`, ...(input.tty ? ['TERM=xterm'] : [])];
  const merged = mergeEnvironment(base, input.env);
  return merged.some((entry) => entry.startsWith('HOME=')) ? merged : [...merged, `HOME=${input.home}`];
}
