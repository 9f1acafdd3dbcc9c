/**
 * Passes of the reconciler that a page begins and watches: a comparison, a repair, an acknowledgement.
 *
 * Promise: what was begun is watched to its end; a repair or an acknowledgement names the pass after whose report it was
 * asked for, and where there was none yet, one is run before, and then what was asked for.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ConsistencyCheck } from "../../../../contracts/reconciliation.ts";
import type { Reconciliation } from "../../../../contracts/reconciliations.ts";
import { ask, asProblem, type ProblemAnswer } from "./api.ts";
import { type Intent, useIntent } from "./intent.ts";
import { type Resource, useResource } from "./resource.ts";

const watchMs = 1_000;

export interface Pass {
  readonly intent: Intent<Reconciliation>;
  readonly begun: Resource<Reconciliation>;
  /** It could not be found out after which pass it is asked for. */
  readonly problem: ProblemAnswer | undefined;
  compare(): Promise<void>;
  repair(userIds: readonly string[] | undefined): Promise<void>;
  acknowledge(userIds: readonly string[], check: ConsistencyCheck, reason: string): Promise<void>;
}

interface Wanted {
  readonly what: "repairs" | "acknowledgements";
  readonly body: unknown;
}

export const passRhythm = (pass: Reconciliation | undefined): number | undefined =>
  pass === undefined || pass.status === "running" ? watchMs : undefined;

export function usePass(onEnd: () => void): Pass {
  const intent = useIntent<Reconciliation>();
  const [id, setId] = useState<string | undefined>(undefined);
  const begun = useResource<Reconciliation>(
    id === undefined ? undefined : `/reconciliations/${id}`,
    passRhythm,
  );
  const [problem, setProblem] = useState<ProblemAnswer | undefined>(undefined);
  const waiting = useRef<Wanted | undefined>(undefined);
  const told = useRef<string | undefined>(undefined);
  const status = begun.data?.status;
  useEffect(() => {
    if (id === undefined || status === undefined || status === "running" || told.current === id) return;
    told.current = id;
    const next = waiting.current;
    waiting.current = undefined;
    if (next !== undefined && status === "done") void begin(`/reconciliations/${id}/${next.what}`, next.body);
    onEnd();
  }, [id, status]);

  const begin = async (path: string, body?: unknown): Promise<void> => {
    const answer = await intent.send(path, { method: "POST", ...(body === undefined ? {} : { body }) });
    if (answer !== undefined) setId(answer.data.id);
  };
  const after = async (what: Wanted["what"], body: unknown): Promise<void> => {
    setProblem(undefined);
    waiting.current = undefined;
    try {
      const { data } = await ask<Reconciliation>("/reconciliations/latest");
      await begin(`/reconciliations/${data.id}/${what}`, body);
    } catch (error) {
      const why = asProblem(error);
      if (why.status !== 404) return setProblem(why);
      waiting.current = { what, body };
      await begin("/reconciliations");
    }
  };
  return {
    intent,
    begun,
    problem,
    compare: () => begin("/reconciliations"),
    repair: (userIds) => after("repairs", userIds === undefined ? {} : { userIds }),
    acknowledge: (userIds, check, reason) => after("acknowledgements", { userIds, check, reason }),
  };
}
