/**
 * `npm run export`: everybody of one moment, from the users database itself (docs/guides/moving-out.md). Who has taken
 * the data out is on record before its first line is written.
 */
import { userInfo } from "node:os";
import * as z from "zod";
import { newCorrelationId } from "../../../mixins/context/correlation.ts";
import { operator } from "../../../mixins/context/operator.ts";
import { rootLogger } from "../../../mixins/log/logging.ts";
import type { Database } from "../../../mixins/postgres/database.ts";
import { recordActivity } from "../../access/activity.ts";
import { accessEntities } from "../../access/entities.ts";
import { loadClientConfig } from "../../config/index.ts";
import { exitCodes } from "../../contracts/exits.ts";
import type { Person, Writer } from "../../contracts/people-csv.ts";
import { type CommandForm, type CommandLine, commandLine, usageError } from "../../runtime/command-line.ts";
import { runCommand } from "../../runtime/run-command.ts";
import { usersEntities } from "../../users/entities.ts";
import { progressBar } from "../progress.ts";
import { withUsersDatabase } from "../users-database.ts";
import { type FormatName, formatNames, formats } from "./formats.ts";
import { writeOut } from "./output.ts";
import { type SnapshotWish, snapshot, type Untold } from "./snapshot.ts";

/** The first page comes once everybody is in order, and a reader may take its time with the last. */
const statementTimeoutMs = 15 * 60_000;
const namedMax = 10;
const peopleAStep = 1_000;

const form: CommandForm = {
  name: "export",
  says: [
    "Writes everybody of one moment to stdout or a file, from the users database itself: DATABASE_URL, else the embedded one of the data folder.",
    "What it writes an import takes into an empty installation. Erased people are in none.",
  ].join(" "),
  options: {
    format: { value: "NAME", says: `one of ${formatNames.join(", ")}; csv unless said` },
    deleted: { says: "deleted people too, with their ids and since when" },
    at: { value: "TIME", says: "as everybody was then, by the audit log (2026-03-01T00:00:00Z)" },
    out: { value: "FILE", says: "a file instead of stdout, whole or not at all, readable to you alone" },
  },
  exits: {
    [exitCodes.failure]: "the file can't be written, or the schema is not up to date",
    [exitCodes.uncertain]: "with --at: the audit log does not tell how some people were, who are left out",
  },
};

interface Wish extends SnapshotWish {
  readonly format: FormatName;
  readonly out: string | undefined;
}

const Time = z.iso.datetime({ offset: true });

function timeOf(line: CommandLine, now: Date): Date | undefined {
  const text = line.valueOf("at");
  if (text === undefined) return undefined;
  if (!Time.safeParse(text).success)
    throw usageError(form, `--at must be a time like 2026-03-01T00:00:00Z, not "${text}"`);
  const at = new Date(text);
  if (at > now) throw usageError(form, "--at must not be in the future");
  return at;
}

/** Throws UsageError. */
function wishOf(line: CommandLine, now: Date): Wish {
  const named = line.valueOf("format") ?? "csv";
  const format = formatNames.find((each) => each === named);
  if (format === undefined) throw usageError(form, `there is no format "${named}"`, formatNames, named);
  return { format, deleted: line.has("deleted"), at: timeOf(line, now), out: line.valueOf("out") };
}

const toldOf = ({ format, deleted, at }: Wish): string =>
  [
    `the whole directory as ${format}`,
    ...(deleted ? ["with deleted people"] : []),
    ...(at ? [`of ${at.toISOString()}`] : []),
  ].join(", ");

const record = (db: Database, wish: Wish, at: Date): Promise<void> =>
  db.transaction((em) =>
    recordActivity(
      em,
      { principal: operator(userInfo, "cli"), correlationId: newCorrelationId() },
      { at, action: "directory.export", scope: "users:export", allowed: true, reason: toldOf(wish) },
    ),
  );

async function* linesOf(
  people: AsyncIterable<Person>,
  { head, line }: Writer,
  count: () => void,
): AsyncGenerator<string> {
  yield head;
  for await (const person of people) {
    count();
    yield line(person);
  }
}

/** What an export of a time that is over could not tell. */
function warn({ unknown, erased }: Untold): void {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  if (erased > 0) say(`Not in it, because they have been erased since: ${erased} who were there then`);
  if (unknown.length === 0) return;
  const more = unknown.length > namedMax ? ` and ${unknown.length - namedMax} more` : "";
  say(
    `Left out, because the audit log does not have all that has happened to them since: ${unknown.slice(0, namedMax).join(", ")}${more} (what is on its way is there in a moment; else see docs/guides/consistency.md)`,
  );
}

/** On a terminal, unless the people themselves are shown there; to count them takes reading them once more. */
async function progressOf({ out }: Wish, expected: () => Promise<number>) {
  const isShown = process.stderr.isTTY && !(out === undefined && process.stdout.isTTY);
  if (!isShown) return { taken() {}, stop() {} };
  const total = await expected();
  const bar = progressBar("people");
  return {
    taken(people: number): void {
      if (people % peopleAStep === 0) bar.update(people, total, people);
    },
    stop: () => bar.stop(),
  };
}

async function work(db: Database, wish: Wish, now: Date): Promise<number> {
  await record(db, wish, now);
  const writer = formats[wish.format](wish.deleted);
  let people = 0;
  const untold = await snapshot(db, wish, async (all, expected) => {
    const step = await progressOf(wish, expected);
    const count = (): void => {
      people += 1;
      step.taken(people);
    };
    try {
      await writeOut(wish.out, linesOf(all, writer, count));
    } finally {
      step.stop();
    }
  });
  warn(untold);
  if (wish.out !== undefined) process.stdout.write(`${people} in ${wish.out}\n`);
  return untold.unknown.length === 0 ? exitCodes.ok : exitCodes.uncertain;
}

const line = commandLine(form);
await runCommand(() => {
  const now = new Date();
  const wish = wishOf(line, now);
  const config = loadClientConfig(process.env, "export");
  const use = {
    doing: "export",
    kept: "everybody is",
    applicationName: "mailroster-export",
    entities: [...usersEntities, ...accessEntities],
    statementTimeoutMs,
    log: rootLogger({ ...config, logLevel: "silent" }),
  };
  return withUsersDatabase(config, use, (db) => work(db, wish, now));
});
