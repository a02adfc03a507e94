/** Milliseconds of repeated runs of one thing. */
export type Samples = readonly number[];

/** The value below which the share `p` (0 to 1) of the samples lies. */
export function percentile(samples: Samples, p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export const median = (samples: Samples): number => percentile(samples, 0.5);

/** The median of the ratios of runs that were neighbours. */
export function ratio(numerators: Samples, denominators: Samples): number {
  return median(numerators.map((value, index) => value / (denominators[index] ?? Number.NaN)));
}

/** How long `action` takes, in milliseconds. */
export async function timed(action: () => unknown): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}
