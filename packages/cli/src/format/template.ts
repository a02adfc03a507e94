/** A template, or a part of it, that is not understood. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

type Token = { readonly text: string } | { readonly action: string };

/**
 * Fills in Docker's `--format` templates as far as people use them in scripts: field paths (`{{.State.Pid}}`),
 * `json`, `index`, `len`, `range … end`, `if … else … end`, parentheses. Anything else is refused by name.
 *
 * @throws TemplateError
 */
export function fillTemplate(template: string, value: unknown): string {
  const tokens = tokenize(template);
  const { output, rest } = render(tokens, value);
  if (rest.length > 0) throw new TemplateError('template parsing error: unexpected {{end}}');
  return output;
}

function tokenize(template: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of template.matchAll(/\{\{(-?)\s*(.*?)\s*(-?)\}\}/gs)) {
    tokens.push({ text: template.slice(at, match.index) }, { action: match[2] ?? '' });
    at = match.index + match[0].length;
  }
  const tail = template.slice(at);
  if (tail.includes('{{'))
    throw new TemplateError(`template parsing error: unclosed action in "${template}"`);
  return [...tokens, { text: tail.replaceAll('\\n', '\n').replaceAll('\\t', '\t') }];
}

/** Renders up to the end of the tokens, or to an `end` or `else` that belongs to the caller. */
function render(
  tokens: readonly Token[],
  dot: unknown,
): { output: string; rest: readonly Token[]; stop?: string } {
  let output = '';
  let rest = tokens;
  for (;;) {
    const [token, ...after] = rest;
    if (token === undefined) return { output, rest: [] };
    rest = after;
    if ('text' in token) output += token.text;
    else if (token.action === 'end' || token.action === 'else') return { output, rest, stop: token.action };
    else if (token.action.startsWith('range ')) {
      const items = itemsOf(evaluate(token.action.slice('range '.length), dot));
      const body = rest;
      rest = skipTo(body, ['end']).rest;
      for (const item of items) output += render(body, item).output;
    } else if (token.action.startsWith('if ')) {
      const holds = truth(evaluate(token.action.slice('if '.length), dot));
      const body = rest;
      const elseBranch = skipTo(body, ['else', 'end']);
      rest = elseBranch.stop === 'else' ? skipTo(elseBranch.rest, ['end']).rest : elseBranch.rest;
      if (holds) output += render(body, dot).output;
      else if (elseBranch.stop === 'else') output += render(elseBranch.rest, dot).output;
    } else output += print(evaluate(token.action, dot));
  }
}

function skipTo(
  tokens: readonly Token[],
  stops: readonly string[],
): { rest: readonly Token[]; stop: string } {
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if ('text' in token) continue;
    if (/^(range|if) /.test(token.action)) depth++;
    else if (depth === 0 && stops.includes(token.action))
      return { rest: tokens.slice(index + 1), stop: token.action };
    else if (token.action === 'end') depth--;
  }
  throw new TemplateError('template parsing error: {{end}} is missing');
}

/** Words of an action: fields, strings, numbers, functions, parentheses. */
function evaluate(expression: string, dot: unknown): unknown {
  const words = expression.match(/"(?:[^"\\]|\\.)*"|\(|\)(?:\.[\w.]+)?|[^\s()]+/g) ?? [];
  const { value, next } = evaluateWords(words, 0, dot);
  if (next < words.length)
    throw new TemplateError(`template parsing error: "${expression}" is not understood`);
  return value;
}

function evaluateWords(
  words: readonly string[],
  start: number,
  dot: unknown,
): { value: unknown; next: number } {
  const operands: unknown[] = [];
  let name: string | undefined;
  let at = start;
  while (at < words.length && !(words[at] ?? '').startsWith(')')) {
    const word = words[at] ?? '';
    if (word === '(') {
      const inner = evaluateWords(words, at + 1, dot);
      const close = words[inner.next];
      if (close === undefined) throw new TemplateError('template parsing error: unclosed parenthesis');
      operands.push(close === ')' ? inner.value : field(inner.value, close.slice(1)));
      at = inner.next + 1;
      continue;
    }
    if (
      operands.length === 0 &&
      name === undefined &&
      /^[a-z]\w*$/.test(word) &&
      word !== 'true' &&
      word !== 'false'
    )
      name = word;
    else operands.push(operand(word, dot));
    at++;
  }
  return { value: name === undefined ? operands[0] : call(name, operands), next: at };
}

function operand(word: string, dot: unknown): unknown {
  if (word.startsWith('"')) return JSON.parse(word) as string;
  if (/^-?\d+$/.test(word)) return Number(word);
  if (word === '.') return dot;
  if (word.startsWith('.')) return field(dot, word);
  throw new TemplateError(
    `template parsing error: "${word}" is not supported; use fields, json, index, len, range, if`,
  );
}

function field(value: unknown, path: string): unknown {
  let current = value;
  for (const name of path.split('.').filter((part) => part !== '')) {
    if (current === null || typeof current !== 'object' || !(name in current)) {
      throw new TemplateError(`template: :1: can't evaluate field ${name} in "${path}"`);
    }
    current = (current as Record<string, unknown>)[name];
  }
  return current;
}

function call(name: string, operands: readonly unknown[]): unknown {
  const [first, ...rest] = operands;
  switch (name) {
    case 'json':
      return JSON.stringify(first);
    case 'len':
      return typeof first === 'string' ? first.length : itemsOf(first).length;
    case 'index':
      return rest.reduce((value, key) => at(value, key), first);
    case 'println':
      return `${operands.map(print).join(' ')}\n`;
    case 'lower':
      return print(first).toLowerCase();
    case 'upper':
      return print(first).toUpperCase();
    case 'join':
      return itemsOf(first).map(print).join(print(rest[0]));
    default:
      throw new TemplateError(`template parsing error: function "${name}" is not supported`);
  }
}

function at(value: unknown, key: unknown): unknown {
  if (Array.isArray(value) && typeof key === 'number') {
    if (key >= value.length) throw new TemplateError(`template: index out of range: ${key}`);
    return (value as unknown[])[key];
  }
  if (value !== null && typeof value === 'object') return (value as Record<string, unknown>)[String(key)];
  throw new TemplateError(`template: index of untyped nil`);
}

function itemsOf(value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  return Array.isArray(value) ? (value as unknown[]) : Object.values(value);
}

function truth(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return false;
  return typeof value !== 'object' || itemsOf(value).length > 0;
}

/** As Go's fmt prints: lists in brackets, maps as `map[key:value]`. */
function print(value: unknown): string {
  if (value === null || value === undefined) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(print).join(' ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).map(([key, item]) => `${key}:${print(item)}`);
    return `map[${entries.join(' ')}]`;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
