/**
 * Passes of the reconciler that a page begins and watches: a comparison, a repair, an acknowledgement.
 *
 * Promise: what was begun is watched to its end; a repair or an acknowledgement names the pass after whose report it was
 * asked for, and where there was none yet, one is run before.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ConsistencyCheck } from "../../../../contracts/reconciliation.ts";
import type { Reconciliation } from "../../../../contracts/reconciliations.ts";
import { ask, asProblem } from "./api.ts";
import { type Intent, useIntent } from "./intent.ts";
import { type Resource, useResource } from "./resource.ts";

const watchMs = 1_000;

export interface Pass {
  readonly intent: Intent<Reconciliation>;
  readonly begun: Resource<Reconciliation>;
  compare(): Promise<void>;
  repair(userIds: readonly string[] | undefined): Promise<void>;
  acknowledge(userIds: readonly string[], check: ConsistencyCheck, reason: string): Promise<void>;
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
  const told = useRef<string | undefined>(undefined);
  const status = begun.data?.status;
  useEffect(() => {
    if (id === undefined || status === undefined || status === "running" || told.current === id) return;
    told.current = id;
    onEnd();
  }, [id, status]);

  const begin = async (path: string, body?: unknown): Promise<void> => {
    const answer = await intent.send(path, { method: "POST", ...(body === undefined ? {} : { body }) });
    if (answer !== undefined) setId(answer.data.id);
  };
  /** undefined: none is there, so one was begun, and the intent is to be repeated when it is over. */
  const latest = async (): Promise<string | undefined> => {
    try {
      return (await ask<Reconciliation>("/reconciliations/latest")).data.id;
    } catch (error) {
      if (asProblem(error).status === 404) await begin("/reconciliations");
      return undefined;
    }
  };
  const after = async (what: string, body: unknown): Promise<void> => {
    const of = await latest();
    if (of !== undefined) await begin(`/reconciliations/${of}/${what}`, body);
  };
  return {
    intent,
    begun,
    compare: () => begin("/reconciliations"),
    repair: (userIds) => after("repairs", userIds === undefined ? {} : { userIds }),
    acknowledge: (userIds, check, reason) => after("acknowledgements", { userIds, check, reason }),
  };
}
