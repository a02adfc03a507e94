import { describe, expect, it } from 'vitest';
import { baseImages } from './dockerfile.js';

describe('what a Dockerfile builds on', () => {
  it('is told by FROM, COPY and mounts, but for stages and scratch', () => {
    const text = `# FROM nothing
      ARG TAG=1
      ARG BASE="debian"
      from --platform=linux/amd64 busybox:$TAG \\
        as Tools
      FROM tools
      FROM \${BASE}:\${VERSION:-12} AS second
      COPY --chown=1:1 --from=harbour.example:5000/team/web:2 /a /b
      COPY --from=0 /a /b
      COPY --from=second /a /b
      RUN --mount=type=bind,from=cache:1,target=/x true
      FROM scratch`;
    expect(baseImages(text, { TAG: '2' })).toEqual([
      'busybox:2',
      'debian:12',
      'harbour.example:5000/team/web:2',
      'cache:1',
    ]);
  });
});
