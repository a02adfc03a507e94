import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from '../box/index.js';
import { useBox } from '../box/fixture.js';

const fixture = useBox();

test('Docker’s SDK for Python does what people do with it', async () => {
  const session = join(REPOSITORY, 'tests/clients/session.py');
  // Debian's python, which has Debian's packages.
  const { stdout, stderr } = await fixture.box.tryHost(['/usr/bin/python3', session], { timeout: 55_000 });
  expect(stderr).toBe('');
  expect(stdout).toBe('all steps done\n');
});
