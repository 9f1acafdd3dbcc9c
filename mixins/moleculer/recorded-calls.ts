/**
 * Promise: a call of an action that is to be on record (contracts/on-record.ts) is, by the process that carries it out,
 * whoever made it and however it came: a read before it is answered, or it is refused with Unavailable; a deed once it is
 * done. What is refused is put on record by the gateway.
 *
 * Nobody is told apart without access control (`AUTH=none`), so reads are not on record there; deeds are. Neither are
 * reads of services, which ask by no name; those of somebody at the REPL are, without waiting for the record: it is
 * where one looks when nothing else answers.
 */
import type { Context, Middleware, Service, ServiceBroker } from "moleculer";
import { seesPeople } from "../../services/contracts/access.ts";
import type { CallMeta } from "../../services/contracts/actions.ts";
import type { ActivityTarget } from "../../services/contracts/activity.ts";
import { onRecord } from "../../services/contracts/on-record.ts";
import { type Activity, type ActivityLog, activityLog } from "../activity-log.ts";
import { askerOf } from "../context/correlation.ts";

type Call = Context<unknown, CallMeta>;
type Next = (ctx: Call) => Promise<unknown>;
type Row = NonNullable<(typeof onRecord)[keyof typeof onRecord]>;

/** As rows of any action are asked: their params have passed the action's own schema. */
interface AnyRow extends Pick<Row, "way" | "scope" | "showsPeople"> {
  readonly when?: (params: unknown) => boolean;
  readonly targets?: (params: unknown, here: string) => readonly ActivityTarget[];
  readonly reason?: (params: unknown, here: string) => string | undefined;
}

const rowOf = (name: string): AnyRow | undefined =>
  Object.hasOwn(onRecord, name) ? (onRecord[name as keyof typeof onRecord] as AnyRow) : undefined;

const whoOf = ({ meta }: Call): Pick<Activity, "principal" | "credential" | "correlationId"> => {
  const { actor, correlationId } = askerOf(meta);
  return { principal: actor, credential: meta.user?.credential ?? null, correlationId };
};

function reasonOf(row: AnyRow, { params, meta, broker }: Call): string | null {
  if (row.showsPeople) return seesPeople(meta.user) ? "people shown" : "people masked";
  return row.reason?.(params, broker.nodeID) ?? null;
}

/** One for each target. */
function entriesOf(action: string, row: AnyRow, ctx: Call): Activity[] {
  const targets: readonly (ActivityTarget | null)[] = row.targets?.(ctx.params, ctx.broker.nodeID) ?? [];
  const common = { ...whoOf(ctx), action, scope: row.scope, allowed: true, reason: reasonOf(row, ctx) };
  return (targets.length === 0 ? [null] : targets).map((target) => ({ ...common, target }));
}

async function recordRead(activity: ActivityLog, action: string, row: AnyRow, ctx: Call): Promise<void> {
  const { user, actor } = ctx.meta;
  const entries = entriesOf(action, row, ctx);
  if (user === undefined || user === null) {
    if (actor?.startsWith("repl:")) for (const entry of entries) activity.note(entry);
  } else if (user.via !== "none") await Promise.all(entries.map((entry) => activity.write(entry)));
}

interface Options extends Pick<Parameters<typeof activityLog>[0], "log" | "metrics"> {}

/** The Moleculer middleware of this promise; within the scope of the request. */
export function recordedCalls(options: Options): Middleware {
  const activity = activityLog(options);

  const recorded = async (action: string, row: AnyRow, next: Next, ctx: Call): Promise<unknown> => {
    if (row.way === "read") await recordRead(activity, action, row, ctx);
    const answer = await next(ctx);
    if (row.way === "deed" && ctx.meta.idempotentReplayed !== true)
      for (const entry of entriesOf(action, row, ctx)) activity.note(entry);
    return answer;
  };

  return {
    name: "RecordedCalls",
    created: (broker: ServiceBroker) => activity.start(broker),
    localAction(next: Next, { name }: { name: string }) {
      const row = rowOf(name);
      if (row === undefined) return next;
      return (ctx: Call) => (row.when?.(ctx.params) === false ? next(ctx) : recorded(name, row, next, ctx));
    },
    // In a process that hosts all, the service that keeps the record may be the next one to stop.
    serviceStopping: (_service: Service) => activity.flush(),
  } as unknown as Middleware;
}
