import { BerthError } from '@berth/core';
import { Compile, type XSchema } from 'typebox/schema';

/**
 * A JSON schema as a check that names the first field that is wrong.
 *
 * @param whole what the schema is for, e.g. `the request body`
 */
export function validator(
  schema: XSchema,
  whole: string,
): (data: unknown) => { value?: unknown; error?: BerthError } {
  const compiled = Compile(schema);
  return (data) => {
    if (compiled.Check(data)) return { value: data };
    return { error: new BerthError('invalid', explain(compiled.Errors(data)[1], whole)) };
  };
}

type Problem = ReturnType<ReturnType<typeof Compile>['Errors']>[1][number];

/** Where a value may be of several shapes, the deepest problem is the one of the shape that was meant. */
function explain(problems: readonly Problem[], whole: string): string {
  const depth = ({ instancePath }: Problem) => instancePath.split('/').length;
  const plain = problems.filter(({ keyword, message }) => keyword !== 'anyOf' && message !== 'must be null');
  const deepest = Math.max(...plain.map(depth));
  const [first, ...others] = plain.filter((problem) => depth(problem) === deepest);
  if (first === undefined) return `${whole} is not what it must be`;
  const field = first.instancePath.slice(1).replaceAll('/', '.');
  const same = others.filter(({ instancePath }) => instancePath === first.instancePath);
  const messages = new Set([first, ...same].map(({ message }) => message));
  return `${field === '' ? whole : field} ${[...messages].join(', or ')}`;
}
