/** Asks whether to go on; no is the answer of who says nothing. */
export async function confirmed(warning: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => questions.once('close', () => resolve('')));
  const asked = questions.question(`${warning}\nAre you sure you want to continue? [y/N] `);
  const answer = await Promise.race([asked, ended]);
  questions.close();
  return /^y(es)?$/i.test(answer.trim());
}
