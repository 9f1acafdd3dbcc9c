/**
 * Promise: each pass is on record from when it begins, with who began it and what came of it, and one whose process has
 * ended says so. The newest are kept.
 */
import { v7 as uuidv7 } from "uuid";
import type { Mixin } from "../../mixins/basics/mixin.ts";
import type { Ticket } from "../../mixins/idempotency.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { asItStands, keptWorkView } from "../../mixins/postgres/kept-work.ts";
import { sweeper, sweepRowsMax } from "../../mixins/postgres/sweeping.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Reconciliation } from "../contracts/reconciliations.ts";
import { ReconciliationRow } from "./entities.ts";

/** By the clock alone ten days of them. */
const keptMax = 1_000;

/** Whoever does a pass holds it: "reco". */
export const passLock = 0x7265_636fn;

export type About = Pick<Reconciliation, "kind" | "of" | "startedBy" | "correlationId">;

export interface Reports {
  /** Only for who holds the lock: whatever else runs by the table has been interrupted. The ticket keeps the answer. */
  begin(about: About, ticket?: Ticket): Promise<Reconciliation>;
  done(id: string, result: object): Promise<void>;
  /** Never rejects: what has failed may have failed with the database. */
  failed(id: string, status: "failed" | "interrupted", error: unknown): Promise<void>;
  /** Throws Refusal `not-found`. */
  get(id: string): Promise<Reconciliation>;
  /** The one that was begun last. Throws Refusal `not-found` when there is none. */
  latest(): Promise<Reconciliation>;
  readonly sweeping: Mixin;
}

function view(row: ReconciliationRow): Reconciliation {
  const kind = row.kind as Reconciliation["kind"];
  const result = (row.result ?? null) as never;
  return {
    ...keptWorkView(row),
    kind,
    of: row.ofId ?? null,
    report: kind === "acknowledgement" ? null : result,
    acknowledgement: kind === "acknowledgement" ? result : null,
  };
}

const unknown = (): Refusal =>
  new Refusal("not-found", "Cannot find the reconciliation: none of those that are kept has this id");

async function sweepOld(db: Database): Promise<number> {
  const old = await db.read((em) =>
    em.find(
      ReconciliationRow,
      {},
      { fields: ["id"], orderBy: { id: "desc" }, offset: keptMax, limit: sweepRowsMax },
    ),
  );
  if (old.length === 0) return 0;
  return db.read((em) => em.nativeDelete(ReconciliationRow, { id: { $in: old.map(({ id }) => id) } }));
}

export function reports(db: Database, now: () => Date, log: Logger): Reports {
  const find = (id: string) => db.read((em) => em.findOne(ReconciliationRow, { id }));
  const end = (id: string, ended: Partial<ReconciliationRow>) =>
    db.read((em) =>
      em.nativeUpdate(ReconciliationRow, { id, status: "running" }, { endedAt: now(), ...ended }),
    );
  const known = (row: ReconciliationRow | null | undefined): ReconciliationRow => {
    if (row === null || row === undefined) throw unknown();
    return row;
  };
  const shown = async (row: ReconciliationRow): Promise<Reconciliation> =>
    view(await asItStands(db, passLock, row, async () => known(await find(row.id))));

  return {
    begin: (about, ticket) =>
      db.transaction(async (em) => {
        await em.nativeUpdate(ReconciliationRow, { status: "running" }, { status: "interrupted" });
        const { of: ofId, ...rest } = about;
        const row = em.create(ReconciliationRow, {
          id: uuidv7(),
          status: "running",
          startedAt: now(),
          result: null,
          ofId,
          ...rest,
        });
        await em.persist(row).flush();
        const begun = view(row);
        await ticket?.remember(em, begun);
        return begun;
      }),
    async done(id, result) {
      await end(id, { status: "done", result });
    },
    async failed(id, status, error) {
      await end(id, { status, error: errorText(error) }).catch((cause: unknown) =>
        log.warn({ reason: errorText(cause) }, "can't note how a pass has ended"),
      );
    },
    get: async (id) => shown(known(await find(id))),
    async latest() {
      const [row] = await db.read((em) =>
        em.find(ReconciliationRow, {}, { orderBy: { id: "desc" }, limit: 1 }),
      );
      return shown(known(row));
    },
    sweeping: sweeper("old reports of the reconciler", () => sweepOld(db), log),
  };
}
