/** `fault` and `log-level`: what an operator changes of running processes, until they end. */

import { Errors } from "moleculer";
import { type LogLevel, logLevels } from "../../contracts/operations.ts";
import { type Command, type Desk, numberOption, type Options, WrongUse, wordAt } from "./command.ts";

const silenceNote = (unanswered: readonly string[]): string =>
  unanswered.length === 0 ? "" : `\n✗ without an answer: ${unanswered.join(", ")}`;

type FaultList = Awaited<ReturnType<typeof faultsOf>>;
const faultsOf = (desk: Desk) => desk.call("fault.list", {});

function faultTable({ nodes, unanswered }: FaultList, table: Desk["table"]): string {
  const rows = Object.entries(nodes).flatMap(([node, faults]) =>
    faults.map(({ action, delayMs, jitterMs, errorRate, delayed, failed }) => [
      node,
      action,
      `${delayMs} ms`,
      `${jitterMs} ms`,
      errorRate,
      delayed,
      failed,
    ]),
  );
  const header = ["node", "action", "delay", "jitter", "error rate", "delayed", "failed"];
  return table(header, rows, "No fault is in force") + silenceNote(unanswered);
}

/** Without FAULT_INJECTION the service is nowhere. */
function sayWhenOff(error: unknown): never {
  if (!(error instanceof Errors.ServiceNotFoundError)) throw error;
  throw new Error("Cannot inject faults: no process runs with FAULT_INJECTION=true", { cause: error });
}

async function carryOut(desk: Desk, words: readonly string[], options: Options): Promise<string> {
  const [verb = "list", action] = words;
  const node = typeof options.node === "string" ? { node: options.node } : {};
  if (verb === "list") return faultTable(await faultsOf(desk), desk.table);
  if (verb === "clear")
    return faultTable(
      await desk.call("fault.clear", { ...(action === undefined ? {} : { action }), ...node }),
      desk.table,
    );
  if (verb !== "set") throw new WrongUse(`There is no fault ${verb}`);
  const [delayMs, jitterMs, errorRate] = ["delay", "jitter", "errorRate"].map((name) =>
    numberOption(options, name),
  );
  if (delayMs === undefined && jitterMs === undefined && errorRate === undefined)
    throw new WrongUse("What shall go wrong is missing: --delay, --jitter or --error-rate");
  return faultTable(
    await desk.call("fault.set", {
      action: wordAt(words, 1, "The action"),
      delayMs,
      jitterMs,
      errorRate,
      ...node,
    }),
    desk.table,
  );
}

export const faultCommand: Command = {
  name: "fault",
  description: "Slow or failing actions, with FAULT_INJECTION=true",
  usage: [
    "fault list",
    "fault set <action> [--delay ms] [--jitter ms] [--error-rate 0…1] [--node id]",
    "fault clear [action] [--node id]",
  ],
  options: [
    { option: "--delay <ms>", description: "every call takes so much longer" },
    { option: "--jitter <ms>", description: "and up to so much more, at random" },
    { option: "--error-rate <share>", description: "the share of calls that fail, 0 to 1" },
    { option: "--node <id>", description: "only in this process" },
  ],
  run: (desk, words, options) => carryOut(desk, words, options).catch(sayWhenOff),
};

const isLevel = (word: string): word is LogLevel => (logLevels as readonly string[]).includes(word);

export const logLevelCommand: Command = {
  name: "log-level",
  description: "The level of the log in every process",
  usage: ["log-level", `log-level <${logLevels.join("|")}> [minutes]`],
  async run({ call, table }, words) {
    const [level, minutes] = words;
    if (level !== undefined && !isLevel(level)) throw new WrongUse(`There is no level ${level}`);
    const { nodes, unanswered } = await call("ops.log-level", {
      ...(level === undefined ? {} : { level }),
      ...(minutes === undefined ? {} : { minutes }),
    });
    const rows = Object.entries(nodes).map(([node, now]) => [node, now.level, now.until]);
    return table(["node", "level", "until"], rows, "No process answers") + silenceNote(unanswered);
  },
};
