/**
 * Promise: of work that may take long `atOnceMax` pieces run at a time; who waits longer than `waitMsMax` for its turn is
 * refused, and so is at once who would be one of too many to wait. A refusal has done nothing.
 */
export interface TurnLimits {
  readonly atOnceMax: number;
  readonly waitMsMax: number;
  /** Those who wait: they hold a request in hand at the gateway, and a flood of refusals would cost more than they do. */
  readonly waitingMax: number;
}

/** Runs each piece in its turn. Throws what `refuse` makes of a sentence's end, and what the work throws. */
export function fewAtOnce(
  limits: TurnLimits,
  refuse: (why: string) => Error,
): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting = new Set<() => void>();
  let running = 0;

  const turn = async (): Promise<void> => {
    if (running < limits.atOnceMax) {
      running += 1;
      return;
    }
    if (waiting.size >= limits.waitingMax) throw refuse("too many others do already, repeat it later");
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        waiting.delete(begin);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(begin);
        reject(refuse("others take all the time that there is for searches, repeat it later"));
      }, limits.waitMsMax);
      waiting.add(begin);
    });
  };

  /** Whoever waits takes the place over. */
  const end = (): void => {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else next();
  };

  return async (work) => {
    await turn();
    try {
      return await work();
    } finally {
      end();
    }
  };
}
