import type { XStatic } from 'typebox/schema';
import { nullable, OptionalBoolean, OptionalCommand, OptionalString, OptionalStrings } from './values.js';

export const ExecCreate = {
  type: 'object',
  properties: {
    Cmd: OptionalCommand,
    Tty: OptionalBoolean,
    AttachStdin: OptionalBoolean,
    AttachStdout: OptionalBoolean,
    AttachStderr: OptionalBoolean,
    Env: OptionalStrings,
    User: OptionalString,
    WorkingDir: OptionalString,
    Privileged: OptionalBoolean,
    DetachKeys: OptionalString,
  },
} as const;
export type ExecCreate = XStatic<typeof ExecCreate>;

export const ExecStart = nullable({
  type: 'object',
  properties: {
    Detach: OptionalBoolean,
    Tty: OptionalBoolean,
    ConsoleSize: nullable({ type: 'array', items: { type: 'integer' } }),
  },
});
