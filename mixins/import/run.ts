/**
 * Rows go in, and of each comes out what became of it, in the order of the file: asked of the directory a hundred at a
 * time, then written one by one, many at once. Rows that share an address or an id wait for one another, so that of two
 * the first one in the file wins, however often it is run.
 *
 * A row that is there already is not written. A write that is repeated finds its first answer under its idempotency
 * key; when that is forgotten the check finds the user.
 */
import type { CreatedUser } from "../../services/contracts/actions.ts";
import { checkedUsersMax } from "../../services/contracts/check-outcomes.ts";
import { ForbiddenError } from "../../services/contracts/exits.ts";
import { httpHeader } from "../../services/contracts/headers.ts";
import type { User } from "../../services/contracts/user.ts";
import type { UserCheck } from "../../services/contracts/user-checks.ts";
import { type GatewayAnswer, type GatewayClient, slugOf } from "../http/patient-client.ts";
import { checkRows, type RowCheck } from "./checks.ts";
import {
  type ImportOptions,
  type Judge,
  type Refused,
  rowJudge,
  type ValidRow,
  type WishReader,
} from "./judge.ts";
import { checkText, problemText } from "./reasons.ts";
import type { SourceRow } from "./row.ts";

/** Of a body's 64 KB, what names of many bytes leave. */
const checkedCharsMax = 20_000;
const checksAhead = 3;
const rowsInHandMax = 512;
const changesTriedMax = 3;
const keysUsedUp = "idempotency-keys-used-up";

export type Outcome = UserCheck["outcome"];

export interface RowResult {
  readonly source: SourceRow;
  readonly outcome: Outcome | "passed over";
  /** Of refused, suffixed and passed over. */
  readonly reason?: string;
  /** As it was given. */
  readonly primarySmtp?: string;
}

export interface ImportRun {
  readonly client: Pick<GatewayClient, "request">;
  readonly wishes: WishReader;
  readonly options: ImportOptions;
  /** What the idempotency keys of this file begin with. */
  readonly keyPrefix: string;
  readonly correlationId: string;
}

interface Running extends ImportRun {
  /** No further key is kept for this caller: the rest goes without one. */
  areKeysUsedUp: boolean;
}

type Step = ValidRow | Refused | { readonly source: SourceRow; readonly passedOver: string };
interface Checked {
  readonly step: Step;
  readonly check: RowCheck | undefined;
}

const isValid = (step: Step): step is ValidRow => "user" in step;

async function* batches(rows: AsyncIterable<SourceRow>, own: Judge): AsyncIterable<Step[]> {
  let batch: Step[] = [];
  let chars = 0;
  for await (const source of rows) {
    const { passedOver } = source;
    const step = passedOver === undefined ? own.valid(source) : { source, passedOver };
    const size = isValid(step) ? JSON.stringify(step.user).length : 0;
    if (batch.length === checkedUsersMax || (batch.length > 0 && chars + size > checkedCharsMax)) {
      yield batch;
      batch = [];
      chars = 0;
    }
    batch.push(step);
    chars += size;
  }
  if (batch.length > 0) yield batch;
}

/** Some batches are asked about while others are written; each is told in its turn. */
async function* checkedRows(
  run: ImportRun,
  rows: AsyncIterable<SourceRow>,
  own: Judge,
): AsyncIterable<Checked> {
  const ahead: Promise<Checked[]>[] = [];
  const told = async function* () {
    for (const checked of (await ahead.shift()) ?? []) yield checked;
  };
  for await (const batch of batches(rows, own)) {
    const valid = batch.filter(isValid);
    const asked = checkRows(run, valid).then((checks) => {
      const byRow = new Map(valid.map((row, index) => [row as Step, checks[index]]));
      return batch.map((step) => ({ step, check: byRow.get(step) }));
    });
    // Whoever takes it in its turn hears of it.
    asked.catch(() => {});
    ahead.push(asked);
    if (ahead.length > checksAhead) yield* told();
  }
  while (ahead.length > 0) yield* told();
}

/** A write that may be repeated: under its key, and without one when no further key is kept for this caller. */
async function write(
  run: Running,
  asked: { method: "POST" | "PATCH"; path: string; body: unknown; version?: number },
  line: number,
  suffix = "",
): Promise<GatewayAnswer> {
  const { client, correlationId, keyPrefix } = run;
  const request = { ...asked, correlationId };
  if (run.areKeysUsedUp) return client.request(request);
  const idempotencyKey = `${keyPrefix}-${line}${suffix}`;
  const answer = await client.request({ ...request, idempotencyKey, finalProblems: [keysUsedUp] });
  if (slugOf(answer) !== keysUsedUp) return answer;
  run.areKeysUsedUp = true;
  return client.request(request);
}

const refusedBy = (row: ValidRow, answer: GatewayAnswer): RowResult => {
  if (answer.status === 401) throw new ForbiddenError(`Cannot import: ${problemText(answer, {})}`);
  return { source: row.source, outcome: "refused", reason: problemText(answer, row.source.wanted) };
};

const isReplay = ({ headers }: GatewayAnswer): boolean => headers[httpHeader.idempotentReplayed] === "true";

/** Whether the first answer is still true: the user may have been deleted since. */
async function isThere({ client, correlationId }: ImportRun, id: string): Promise<boolean> {
  const { status } = await client.request({ method: "GET", path: `/users/${id}`, correlationId });
  return status === 200;
}

async function create(run: Running, row: ValidRow): Promise<RowResult> {
  const { source, user } = row;
  const asked = {
    method: "POST" as const,
    path: "/users",
    body: { ...user, onTaken: run.options.onTaken },
  };
  let answer = await write(run, asked, source.line);
  if (answer.status === 201 && isReplay(answer) && answer.attempts === 1) {
    const { id, primarySmtp } = answer.body as User;
    if (await isThere(run, id)) return { source, outcome: "unchanged", primarySmtp };
    answer = await write(run, asked, source.line, `-after-${id}`);
  }
  if (answer.status !== 201) return createdAfterAll(run, row, answer);
  const { primarySmtp, assignments = [] } = answer.body as CreatedUser;
  if (assignments.length === 0) return { source, outcome: "created", primarySmtp };
  const reason = assignments.map(({ requested, assigned }) => `${requested} became ${assigned}`).join("; ");
  return { source, outcome: "suffixed", primarySmtp, reason };
}

/** What was refused may have been done by an attempt whose answer was lost. */
async function createdAfterAll(run: Running, row: ValidRow, answer: GatewayAnswer): Promise<RowResult> {
  if (answer.attempts > 1 && answer.status === 409) {
    const [check] = await checkRows(run, [row]);
    if (check?.outcome === "unchanged") return { source: row.source, outcome: "created" };
  }
  return refusedBy(row, answer);
}

async function change(run: Running, row: ValidRow, first: UserCheck): Promise<RowResult> {
  const { source } = row;
  let check: RowCheck | undefined = first;
  for (let tried = 1; check?.outcome === "changed" && tried <= changesTriedMax; tried += 1) {
    const { userId, version, patch } = check;
    const asked = { method: "PATCH" as const, path: `/users/${userId}`, body: patch };
    const answer = await write(run, { ...asked, version: version ?? 0 }, source.line, `-v${version}`);
    if (answer.status === 200) return { source, outcome: "changed" };
    if (answer.status !== 412) return refusedBy(row, answer);
    [check] = await checkRows(run, [row]);
  }
  if (check?.outcome === "unchanged") return { source, outcome: "unchanged" };
  const reason = check === undefined ? "" : checkText(check.reasons, source.wanted);
  return { source, outcome: "refused", reason: reason || "others change this user all the time" };
}

/** Nothing is written when it is only asked what would be. */
function outcomeOf(run: Running, row: ValidRow, check: UserCheck): RowResult | Promise<RowResult> {
  const { source } = row;
  const reason = checkText(check.reasons, source.wanted);
  if (check.outcome === "unchanged") return { source, outcome: "unchanged" };
  if (check.outcome === "refused") return { source, outcome: "refused", reason };
  if (run.options.dryRun) return { source, outcome: check.outcome, ...(reason === "" ? {} : { reason }) };
  return check.outcome === "changed" ? change(run, row, check) : create(run, row);
}

async function settle(run: Running, own: Judge, row: ValidRow, check: UserCheck): Promise<RowResult> {
  const beside = own.beside(row, check.outcome);
  if (typeof beside === "object") return { source: row.source, outcome: "refused", ...beside };
  const line = own.standing(row)?.line;
  const result = await outcomeOf(
    run,
    row,
    beside === undefined
      ? check
      : {
          ...check,
          outcome: beside,
          reasons: [{ pointer: "#", detail: `shares an address with line ${line}` }],
        },
  );
  if (result.outcome !== "refused") own.claim(row);
  return result;
}

/**
 * Rejects with UnreachableError, ForbiddenError or StartError when it can't go on, and as the rows do. Whatever was told
 * by then is done.
 */
export async function* importRows(run: ImportRun, rows: AsyncIterable<SourceRow>): AsyncIterable<RowResult> {
  const own = rowJudge(run.options, run.wishes);
  const running: Running = { ...run, areKeysUsedUp: false };
  const inHand: Promise<RowResult>[] = [];
  /** Of the marks in hand, the last row of each. */
  const last = new Map<string, Promise<unknown>>();

  const begin = ({ step, check }: Checked): Promise<RowResult> => {
    const { source } = step;
    if ("passedOver" in step)
      return Promise.resolve({ source, outcome: "passed over", reason: step.passedOver });
    if (!isValid(step) || check === undefined)
      return Promise.resolve({ source, outcome: "refused", reason: isValid(step) ? "" : step.reason });
    if (check.outcome === "invalid") {
      const reason = checkText(check.reasons, source.wanted);
      return Promise.resolve({ source, outcome: "refused", reason });
    }
    const before = new Set(step.marks.flatMap((mark) => last.get(mark) ?? []));
    // Of a row whose end is not known nobody else may have what it asked for.
    const result = Promise.all(before).then(() => settle(running, own, step, check));
    for (const mark of step.marks) last.set(mark, result);
    const over = (): void => {
      for (const mark of step.marks) if (last.get(mark) === result) last.delete(mark);
    };
    result.then(over, over);
    return result;
  };

  for await (const checked of checkedRows(run, rows, own)) {
    inHand.push(begin(checked));
    if (inHand.length >= rowsInHandMax) yield (await inHand.shift()) as RowResult;
  }
  while (inHand.length > 0) yield (await inHand.shift()) as RowResult;
}
