/**
 * What a gateway says beforehand of rows, in their order. Rows that are no users for it, by rules that whoever asks does
 * not know, are told as such, and the others are asked about without them.
 */
import { ForbiddenError, StartError } from "../../services/contracts/exits.ts";
import type { UserCheck } from "../../services/contracts/user-checks.ts";
import { type GatewayAnswer, type GatewayClient, type ProblemBody, slugOf } from "../http/patient-client.ts";
import type { ImportOptions, ValidRow } from "./judge.ts";
import { problemText, type Reason } from "./reasons.ts";

interface Asking {
  readonly client: Pick<GatewayClient, "request">;
  readonly options: ImportOptions;
  readonly correlationId: string;
}

/** The row can be no user. */
export interface InvalidRow {
  readonly outcome: "invalid";
  readonly reasons: readonly Reason[];
}
export type RowCheck = UserCheck | InvalidRow;

/** Of an answer to what only the right caller may ask. Throws ForbiddenError or StartError. */
function require200(answer: GatewayAnswer): void {
  if (answer.status === 200) return;
  const why = problemText(answer, {});
  if (answer.status === 401 || answer.status === 403) throw new ForbiddenError(`Cannot import: ${why}`);
  throw new StartError(
    `Cannot import: the gateway answers ${answer.status} when asked what is there: ${why}`,
  );
}

/** `#/users/7/primarySmtp` is a fault of the eighth row's primarySmtp. */
const faultPointer = /^#\/users\/(\d+)(?=\/|$)/;

/** By the row's place in the request. */
function faultsOf(answer: GatewayAnswer): ReadonlyMap<number, readonly Reason[]> {
  const faults = new Map<number, Reason[]>();
  if (answer.status !== 422 || slugOf(answer) !== "invalid-fields") return faults;
  for (const { pointer = "", detail } of (answer.body as ProblemBody).errors ?? []) {
    const place = faultPointer.exec(pointer);
    if (place === null) continue;
    const reason = { pointer: pointer.replace(faultPointer, "#"), detail };
    faults.set(Number(place[1]), [...(faults.get(Number(place[1])) ?? []), reason]);
  }
  return faults;
}

async function askOnce(asking: Asking, rows: readonly ValidRow[]): Promise<GatewayAnswer> {
  const { key, onTaken, dryRun } = asking.options;
  const users = rows.map(({ user, occurrence }) => (occurrence === 0 ? user : { ...user, occurrence }));
  return asking.client.request({
    method: "POST",
    path: "/users/checks",
    body: { users, onTaken, thorough: dryRun, ...(key === undefined ? {} : { key }) },
    correlationId: asking.correlationId,
  });
}

/** At most `checkedUsersMax` rows. Rejects with ForbiddenError or StartError. */
export async function checkRows(asking: Asking, rows: readonly ValidRow[]): Promise<RowCheck[]> {
  const checks = new Map<ValidRow, RowCheck>();
  // Every turn takes one row away at least.
  for (let left = rows; left.length > 0; left = left.filter((row) => !checks.has(row))) {
    const answer = await askOnce(asking, left);
    const faults = faultsOf(answer);
    if (faults.size === 0) require200(answer);
    const items = answer.status === 200 ? (answer.body as { items: UserCheck[] }).items : [];
    for (const [index, row] of left.entries()) {
      const reasons = faults.get(index);
      const check = reasons === undefined ? items[index] : { outcome: "invalid" as const, reasons };
      if (check !== undefined) checks.set(row, check);
    }
    if (!left.some((row) => checks.has(row)))
      throw new StartError("Cannot import: the gateway told nothing of the rows");
  }
  return rows.flatMap((row) => checks.get(row) ?? []);
}
