import { median, percentile, type Samples } from './statistics.js';

interface Row {
  readonly what: string;
  readonly value: string;
  readonly p95: string;
  readonly expected: string;
  /** `ok`, `open`, nothing, or why there is no value. */
  readonly verdict: string;
}

/** Collects what was measured and prints it as one table. Nothing fails on a time: what misses is an open point. */
export class Report {
  readonly #rows: Row[] = [];

  /** Repeated times in milliseconds, the median of which is expected to be at most `expected`. */
  times(what: string, samples: Samples, expected?: number): void {
    this.#add(what, median(samples), `${percentile(samples, 0.95).toFixed(2)} ms`, 'ms', expected, 'at most');
  }

  /** One figure that is expected to be at most, or at least, `expected`. */
  figure(
    what: string,
    value: number,
    unit: string,
    expected?: number,
    sense: 'at most' | 'at least' = 'at most',
  ): void {
    this.#add(what, value, '', unit, expected, sense);
  }

  /** What could not be measured, and why. */
  note(what: string, why: string): void {
    this.#rows.push({ what, value: '', p95: '', expected: '', verdict: why });
  }

  print(): void {
    const headings: Row = { what: 'what', value: 'median', p95: 'p95', expected: 'expected', verdict: '' };
    const width = (key: keyof Row): number =>
      Math.max(...[headings, ...this.#rows].map((row) => row[key].length));
    const line = (row: Row): string =>
      [
        row.what.padEnd(width('what')),
        row.value.padStart(width('value')),
        row.p95.padStart(width('p95')),
        row.expected.padStart(width('expected')),
        row.verdict,
      ].join('  ');
    for (const row of [headings, ...this.#rows]) process.stdout.write(`${line(row).trimEnd()}\n`);
  }

  #add(
    what: string,
    value: number,
    p95: string,
    unit: string,
    expected: number | undefined,
    sense: string,
  ): void {
    const digits = Math.abs(value) >= 100 ? 0 : 2;
    const holds = expected === undefined || (sense === 'at most' ? value <= expected : value >= expected);
    this.#rows.push({
      what,
      value: `${value.toFixed(digits)} ${unit}`.trim(),
      p95,
      expected: expected === undefined ? '' : `${sense} ${expected} ${unit}`.trim(),
      verdict: expected === undefined ? '' : holds ? 'ok' : 'open',
    });
  }
}
