/**
 * `npm run erasures -- export|apply FILE`: the list of erasures, kept where the backups are not, and applied after a
 * restore (docs/guides/backup.md). One JSON object a line. Applying it again changes nothing.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import type { ServiceBroker } from "moleculer";
import { retry } from "../../mixins/basics/retry.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { loadClientConfig } from "../config/index.ts";
import type { ActionResult } from "../contracts/actions.ts";
import { Erasure } from "../contracts/erasure.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import { exitCodes, StartError } from "../contracts/exits.ts";
import { pageSizeMax } from "../contracts/paging.ts";
import { type CommandForm, commandLine, usageError } from "../runtime/command-line.ts";
import { runCommand } from "../runtime/run-command.ts";
import { visitSystem } from "./join.ts";

const callTimeoutMs = 5_000;
/** For an event that is on its way, or a database that comes back. */
const triesMax = 20;
const retryMinMs = 100;
const retryMaxMs = 2_000;

const form: CommandForm = {
  name: "erasures",
  says: "Writes the list of erased users to a file that is kept outside of the backups, or erases whom such a list names.",
  words: { form: "export|apply <file>", min: 2, max: 2 },
  exits: { [exitCodes.failure]: "the list can't be read, or somebody on it could not be erased" },
};

async function erasuresOf(broker: ServiceBroker): Promise<Erasure[]> {
  const all: Erasure[] = [];
  let cursor: string | null = null;
  do {
    const query = { limit: pageSizeMax, ...(cursor === null ? {} : { cursor }) };
    const page: ActionResult<"users.erasures"> = await callAction(broker, "users.erasures", query, {
      timeout: callTimeoutMs,
    });
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

async function listIn(file: string): Promise<Erasure[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`Cannot read ${file}`, { cause });
  });
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [Erasure.parse(JSON.parse(line))];
    } catch (cause) {
      throw new StartError(`Cannot read ${file}: line ${index + 1} is no erasure`, { cause });
    }
  });
}

/** A file is there whole or not at all. */
async function save(file: string, erasures: readonly Erasure[]): Promise<void> {
  const draft = `${file}.${process.pid}.draft`;
  await writeFile(draft, erasures.map((each) => `${JSON.stringify(each)}\n`).join(""), { mode: 0o600 });
  await rename(draft, file);
}

type Outcome = "erased" | "unknown";

/** Deletes first who is alive in what was restored. */
async function eraseAgain(broker: ServiceBroker, { userId: id, by, reason }: Erasure): Promise<Outcome> {
  const options = { timeout: callTimeoutMs, meta: { actor: by } };
  const erase = () => callAction(broker, "users.erase", { id, reason }, options);
  try {
    await erase().catch(async (error: unknown) => {
      if (!(error instanceof Refusal && error.type === "not-deleted")) throw error;
      await callAction(broker, "users.remove", { id }, options);
      await erase();
    });
    return "erased";
  } catch (error) {
    if (error instanceof Refusal && error.type === "not-found") return "unknown";
    throw error;
  }
}

const eraseSurely = (broker: ServiceBroker, erasure: Erasure): Promise<Outcome> =>
  retry(() => eraseAgain(broker, erasure), {
    attemptsMax: triesMax,
    minMs: retryMinMs,
    maxMs: retryMaxMs,
    signal: new AbortController().signal,
    mayPass: (error) => error instanceof Unavailable,
  });

const { words } = commandLine(form);
await runCommand(async () => {
  const [verb, file = ""] = words;
  if (verb !== "export" && verb !== "apply") throw usageError(form, `there is no erasures ${verb}`);
  const config = loadClientConfig(process.env, "erasures");
  const list = verb === "apply" ? await listIn(file) : [];
  return visitSystem(config, { doing: `${verb} erasures`, needs: ["users"] }, async (broker) => {
    if (verb === "export") {
      const erasures = await erasuresOf(broker);
      await save(file, erasures);
      process.stdout.write(`${erasures.length} in ${file}\n`);
      return exitCodes.ok;
    }
    const counts: Record<Outcome, number> = { erased: 0, unknown: 0 };
    for (const erasure of list) counts[await eraseSurely(broker, erasure)] += 1;
    process.stdout.write(`${counts.erased} erased, ${counts.unknown} not known here\n`);
    return exitCodes.ok;
  });
});
