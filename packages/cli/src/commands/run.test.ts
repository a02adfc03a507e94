import { expect, test } from 'vitest';
import { ApiError } from '../client/api-error.js';
import { startFailure } from './run.js';

const RUNC = 'OCI runtime create failed: runc create failed: unable to start container process: ';

test.each([
  [`${RUNC}exec: "nosuch": executable file not found in $PATH: unknown`, 127],
  [`${RUNC}exec: "/no/such": stat /no/such: no such file or directory: unknown`, 127],
  [`${RUNC}exec /script: no such file or directory: unknown`, 127],
  [`${RUNC}exec: "/etc": permission denied: unknown`, 126],
  [`${RUNC}exec: "/etc": is a directory: unknown`, 126],
  [`${RUNC}error during container init: error mounting "/a" to rootfs: no such file or directory`, 125],
  ['error while creating mount source path: mkdir /a: permission denied', 125],
  ['driver failed programming external connectivity: port is already allocated', 125],
])('%s: %i', (message, status) => {
  expect(startFailure(new ApiError(400, message))).toMatchObject({
    status,
    message: `Error response from daemon: ${message}`,
  });
});
