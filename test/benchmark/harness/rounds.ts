/** Rounds in turns, so that whatever else the machine does hits all subjects alike. */
import type { Bench } from "./part.ts";

export interface Named {
  readonly name: string;
}

/**
 * Measures each subject once a round, in the opposite order every other round; the first round warms up and does not
 * count, where the scale has one. Resolves with the results by the subject's name, one for each round.
 */
export async function interleaved<S extends Named, R>(
  bench: Bench,
  subjects: readonly S[],
  measure: (subject: S, round: number) => Promise<R>,
): Promise<(name: string) => readonly R[]> {
  const { rounds, warmsUp } = bench.scale;
  const first = warmsUp ? 0 : 1;
  const results = new Map<string, R[]>(subjects.map(({ name }) => [name, []]));
  const total = (rounds + 1 - first) * subjects.length;
  let done = 0;
  bench.calibrate();
  for (let round = first; round <= rounds; round += 1) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const which = round === 0 ? "warm-up" : `round ${round} of ${rounds}`;
      bench.progress(`${which}: ${subject.name}`, done, total);
      const result = await measure(subject, round);
      if (round > 0) results.get(subject.name)?.push(result);
      done += 1;
    }
    bench.calibrate();
  }
  return (name) => results.get(name) ?? [];
}
