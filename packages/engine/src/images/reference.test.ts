import { describe, expect, it } from 'vitest';
import { familiarName, imageReference, parseReference } from './reference.js';

describe('parseReference', () => {
  it.each([
    ['busybox', 'busybox', 'latest'],
    ['busybox:1.36', 'busybox', '1.36'],
    ['team/web:dev', 'team/web', 'dev'],
    ['registry.example:5000/web', 'registry.example:5000/web', 'latest'],
    ['registry.example:5000/web:v1', 'registry.example:5000/web', 'v1'],
    ['docker.io/library/busybox:latest', 'busybox', 'latest'],
    ['a__b.c-d', 'a__b.c-d', 'latest'],
  ])('reads %s', (text, repository, tag) => {
    expect(parseReference(text)).toEqual({ repository, tag });
  });

  it.each(['', ':', 'a:', '-a', 'a//b', 'a b', '../etc', 'a:-x', `a:${'x'.repeat(129)}`, 'x'.repeat(256)])(
    'refuses %j',
    (text) => {
      expect(() => parseReference(text)).toThrow(/^invalid (reference|tag) format/);
    },
  );

  it('says that names are in lower case', () => {
    expect(() => parseReference('Web')).toThrow('repository name (Web) must be lowercase');
  });

  it('takes the parts separately', () => {
    expect(imageReference('web', 'v2')).toEqual({ repository: 'web', tag: 'v2' });
  });
});

it('familiarName fills in the tag, and leaves what is no reference', () => {
  expect(familiarName('busybox')).toBe('busybox:latest');
  expect(familiarName('sha256:ABC')).toBe('sha256:ABC');
});
