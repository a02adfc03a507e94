/**
 * The images that a Dockerfile builds on, as far as they can be told without building: those of `FROM`, `COPY --from=` and
 * `--mount=…from=`, with arguments filled in that are given or have a default before the first `FROM`.
 */
export function baseImages(text: string, given: Readonly<Record<string, string>>): string[] {
  const values = new Map<string, string>();
  const stages = new Set<string>(['scratch']);
  const images = new Set<string>();
  let before = true;
  for (const line of logicalLines(text)) {
    const [word = '', ...rest] = line.split(/\s+/);
    const instruction = word.toUpperCase();
    if (instruction === 'ARG' && before) {
      for (const pair of rest) {
        const [name = '', ...value] = pair.split('=');
        const known = given[name] ?? (value.length === 0 ? undefined : unquoted(value.join('=')));
        if (known !== undefined) values.set(name, known);
      }
    } else if (instruction === 'FROM') {
      before = false;
      const [image = '', as = '', stage = ''] = rest.filter((part) => !part.startsWith('--'));
      const name = filledIn(image, values);
      if (!stages.has(name.toLowerCase())) images.add(name);
      if (as.toUpperCase() === 'AS') stages.add(stage.toLowerCase());
    } else if (instruction === 'COPY' || instruction === 'ADD' || instruction === 'RUN') {
      for (const [, from = ''] of line.matchAll(/(?:\s--from=|[,=\s]from=)([^\s,]+)/g)) {
        const name = filledIn(from, values);
        if (!stages.has(name.toLowerCase()) && !/^\d+$/.test(name)) images.add(name);
      }
    }
  }
  return [...images].filter((name) => name !== '');
}

/** Without comments, and with continued lines put together. */
function logicalLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\[ \t]*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** `$NAME`, `${NAME}`, `${NAME:-default}`. */
function filledIn(text: string, values: ReadonlyMap<string, string>): string {
  return unquoted(text).replaceAll(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (_, braced: string | undefined, fallback: string | undefined, bare: string | undefined) =>
      values.get(braced ?? bare ?? '') ?? fallback ?? '',
  );
}

function unquoted(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, '$2');
}
