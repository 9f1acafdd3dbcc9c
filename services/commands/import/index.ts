/**
 * `npm run import -- FILE`: brings users into the directory from a file of another system, over HTTP as any client would.
 * docs/guides/moving-in.md tells how; what the summary and the exit codes are is the contract's.
 */
import { randomBytes } from "node:crypto";
import { importFormatNames } from "../../../mixins/import/formats.ts";
import type { ImportOptions } from "../../../mixins/import/judge.ts";
import { ownColumns, type WantedUser } from "../../../mixins/import/row.ts";
import { importRows, type RowResult } from "../../../mixins/import/run.ts";
import { importTally } from "../../../mixins/import/tally.ts";
import { loadClientConfig } from "../../config/index.ts";
import { exitCodes } from "../../contracts/exits.ts";
import { type CommandForm, type CommandLine, commandLine, usageError } from "../../runtime/command-line.ts";
import { runCommand } from "../../runtime/run-command.ts";
import { gatewayOptions, reachableGateway } from "../gateway.ts";
import { gatewayClient } from "../http-client.ts";
import { progressBar } from "../progress.ts";
import { rejectedRows } from "../rejected-rows.ts";
import { type FileOptions, openRows, surveyOf } from "./file.ts";
import { isEncoding } from "./text.ts";
import { contractWishes } from "./wishes.ts";

const onTakenWords = ["refuse", "suffix"] as const;
const keyWords = ["externalId", "primarySmtp"] as const;

const form: CommandForm = {
  name: "import",
  says: [
    "Brings users in from a file of another system, over HTTP at MAILROSTER_URL. It may be repeated and interrupted:",
    "what is there already is not written again. Rows that can't be done go to FILE.rejected.csv with a reason.",
  ].join(" "),
  words: { form: "<file>", min: 1, max: 1 },
  options: {
    format: { value: "NAME", says: `${importFormatNames.join(", ")}; without it the file tells` },
    "dry-run": { says: "say of each row what would become of it, and change nothing" },
    "on-taken": {
      value: "WORD",
      says: "an address that is taken: refuse the row (unless said), or suffix it",
    },
    key: {
      value: "NAME",
      says: `change who is there already, found by ${keyWords.join(" or ")}; without it nobody is changed`,
    },
    columns: { value: "A=B,…", says: "columns of a CSV file that are called otherwise: primarySmtp=E-Post" },
    encoding: {
      value: "NAME",
      says: "of a file that is no UTF-8 and has no byte order mark: windows-1252 …",
    },
    ...gatewayOptions,
    json: { says: "for machines: the summary, last" },
  },
  exits: {
    [exitCodes.ok]: "all rows are done, or were before",
    [exitCodes.failure]: "some rows were refused",
    [exitCodes.data]: "the file can't be read; the sentence says line and column",
    [exitCodes.forbidden]: "the token is unknown, or does not permit it",
  },
};

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

function word<const W extends string>(line: CommandLine, option: string, words: readonly W[]): W | undefined {
  const given = line.valueOf(option);
  const known = words.find((each) => each === given);
  if (given !== undefined && known === undefined)
    throw usageError(form, `there is no --${option} ${given}`, words, given);
  return known;
}

/** `primarySmtp=E-Post,displayName=Navn` */
function columnsOf(line: CommandLine): FileOptions["columns"] {
  const text = line.valueOf("columns");
  if (text === undefined) return undefined;
  const pairs = text.split(",").map((pair) => {
    const [member = "", name = ""] = pair.split("=").map((part) => part.trim());
    if (!ownColumns.some((each) => each === member))
      throw usageError(form, `there is no member ${member} for --columns`, ownColumns, member);
    if (name === "") throw usageError(form, `--columns ${member} says no column`);
    return [member, name];
  });
  return Object.fromEntries(pairs) as Partial<Record<keyof WantedUser, string>>;
}

function fileOf(line: CommandLine): FileOptions {
  const encoding = line.valueOf("encoding");
  if (encoding !== undefined && !isEncoding(encoding))
    throw usageError(form, `no encoding is called ${encoding}`);
  const format = word(line, "format", importFormatNames);
  const columns = columnsOf(line);
  if (columns !== undefined && format !== undefined && format !== "csv")
    throw usageError(form, "--columns is for csv");
  return {
    path: line.words[0] ?? "",
    // A file whose columns are named needs no look at them.
    format: columns === undefined ? format : "csv",
    encoding,
    ...(columns === undefined ? {} : { columns }),
  };
}

/** What a dry run says of a row. */
function rowText({ source, outcome, reason }: RowResult, isJson: boolean): string {
  const { line, wanted } = source;
  if (isJson) return JSON.stringify({ line, outcome, primarySmtp: wanted.primarySmtp ?? null, reason });
  return `line ${line}: ${outcome} ${wanted.primarySmtp ?? ""}${reason === undefined ? "" : `: ${reason}`}`;
}

const secondsOf = (startMs: number): number => Math.round(performance.now() - startMs) / 1_000;

async function run(line: CommandLine): Promise<number> {
  const startMs = performance.now();
  const isJson = line.has("json");
  const options: ImportOptions = {
    onTaken: word(line, "on-taken", onTakenWords) ?? "refuse",
    key: word(line, "key", keyWords),
    dryRun: line.has("dry-run"),
  };
  const file = fileOf(line);
  const config = loadClientConfig(process.env, "import");
  const gateway = { url: line.valueOf("url"), tokenFile: line.valueOf("token-file") };
  const client = gatewayClient({ ...(await reachableGateway(config, "import", gateway)), doing: "import" });
  const survey = await surveyOf(file);
  const source = await openRows({ ...file, format: survey.format });
  const rejected = rejectedRows(`${file.path}.rejected.csv`, source.columns);
  const correlationId = `import-${randomBytes(4).toString("hex")}`;
  const keyPrefix = `import-${survey.digest.slice(0, 32)}`;
  const order = { client, wishes: contractWishes, options, keyPrefix, correlationId };
  const progress = progressBar("rows");
  const done = importTally();
  try {
    for await (const result of importRows(order, source.rows)) {
      done.add(result);
      progress.update(done.rows, survey.rows, done.rows);
      if (options.dryRun) print(rowText(result, isJson));
      else if (result.outcome === "refused") await rejected.add(result.source.cells, result.reason ?? "");
    }
  } catch (error) {
    progress.stop();
    say(`${done.rows} of ${survey.rows} rows are done; the same command goes on from there`);
    throw error;
  }
  progress.stop();
  client.close();
  const seconds = secondsOf(startMs);
  const { counts, rows, passedOver } = done;
  if (passedOver > 0)
    say(`${passedOver} more were passed over: deleted users, or entries without an address`);
  const rejectedPath = options.dryRun ? undefined : await rejected.end();
  if (rejectedPath !== undefined) say(`What was refused, and why: ${rejectedPath}`);
  if (!options.dryRun && counts.created + counts.changed + counts.suffixed > 0)
    say(`What was written has the correlation id ${correlationId} (npm run trace -- ${correlationId})`);
  if (isJson) print(JSON.stringify({ rows, ...counts, seconds }));
  else {
    const texts = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
    print(`${rows} rows of ${survey.format} in ${seconds} s: ${texts.join(", ")}`);
  }
  return counts.refused > 0 ? exitCodes.failure : exitCodes.ok;
}

const line = commandLine(form);
await runCommand(() => run(line));
