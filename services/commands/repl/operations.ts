/** `fault` and `log-level`: what an operator changes of running processes, until they end. */

import type { NodeAnswers } from "../../../mixins/moleculer/every-node.ts";
import type { ActionResult } from "../../contracts/actions.ts";
import { type LogLevel, logLevels } from "../../contracts/operations.ts";
import { type Command, type Desk, numberOption, type Options, WrongUse, wordAt } from "./command.ts";

const silenceNote = (unanswered: readonly string[]): string =>
  unanswered.length === 0 ? "" : `\n✗ without an answer: ${unanswered.join(", ")}`;

const nodeOf = ({ node }: Options): string | undefined => (typeof node === "string" ? node : undefined);
const nodeOption = { option: "--node <id>", description: "only in this process" };

type FaultList = NodeAnswers<ActionResult<"fault.list">>;

function faultTable({ nodes, unanswered }: FaultList, table: Desk["table"]): string {
  // Without FAULT_INJECTION the service is nowhere.
  if (Object.keys(nodes).length + unanswered.length === 0)
    throw new Error("Cannot inject faults: no process runs with FAULT_INJECTION=true");
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

async function carryOut(desk: Desk, words: readonly string[], options: Options): Promise<string> {
  const [verb = "list", action] = words;
  const node = nodeOf(options);
  if (verb === "list") return faultTable(await desk.everywhere("fault.list", {}, node), desk.table);
  if (verb === "clear") {
    const which = action === undefined ? {} : { action };
    return faultTable(await desk.everywhere("fault.clear", which, node), desk.table);
  }
  if (verb !== "set") throw new WrongUse(`There is no fault ${verb}`);
  const [delayMs, jitterMs, errorRate] = ["delay", "jitter", "errorRate"].map((name) =>
    numberOption(options, name),
  );
  if (delayMs === undefined && jitterMs === undefined && errorRate === undefined)
    throw new WrongUse("What shall go wrong is missing: --delay, --jitter or --error-rate");
  const fault = { action: wordAt(words, 1, "The action"), delayMs, jitterMs, errorRate };
  return faultTable(await desk.everywhere("fault.set", fault, node), desk.table);
}

export const faultCommand: Command = {
  name: "fault",
  description: "Slow or failing actions, with FAULT_INJECTION=true",
  usage: [
    "fault list [--node id]",
    "fault set <action> [--delay ms] [--jitter ms] [--error-rate 0…1] [--node id]",
    "fault clear [action] [--node id]",
  ],
  options: [
    { option: "--delay <ms>", description: "every call takes so much longer" },
    { option: "--jitter <ms>", description: "and up to so much more, at random" },
    { option: "--error-rate <share>", description: "the share of calls that fail, 0 to 1" },
    nodeOption,
  ],
  run: carryOut,
};

const isLevel = (word: string): word is LogLevel => (logLevels as readonly string[]).includes(word);

export const logLevelCommand: Command = {
  name: "log-level",
  description: "The level of the log in every process",
  usage: ["log-level", `log-level <${logLevels.join("|")}> [minutes] [--node id]`],
  options: [nodeOption],
  async run({ everywhere, table }, words, options) {
    const [level, minutes] = words;
    if (level !== undefined && !isLevel(level)) throw new WrongUse(`There is no level ${level}`);
    const wanted = {
      ...(level === undefined ? {} : { level }),
      ...(minutes === undefined ? {} : { minutes }),
    };
    const { nodes, unanswered } = await everywhere("ops.log-level", wanted, nodeOf(options));
    const rows = Object.entries(nodes).map(([node, now]) => [node, now.level, now.until]);
    return table(["node", "level", "until"], rows, "No process answers") + silenceNote(unanswered);
  },
};
