/**
 * `npm run trace -- <correlation id> [--json]`: what became of a request. Joins the running system as the REPL does:
 * over RabbitMQ with AMQP_URL, else the system of the data folder. Changes nothing.
 */
import { Errors, type ServiceBroker } from "moleculer";
import { callAction } from "../../../mixins/moleculer/calls.ts";
import { loadClientConfig } from "../../config/index.ts";
import { Refusal, Unavailable } from "../../contracts/errors.ts";
import { exitCodes, UnreachableError, UsageError } from "../../contracts/exits.ts";
import { CorrelationId, type Trace, type TraceVerdict } from "../../contracts/trace.ts";
import { type CommandForm, commandLine, usageError } from "../../runtime/command-line.ts";
import { runCommand } from "../../runtime/run-command.ts";
import { colourMarks } from "../../runtime/terminal.ts";
import { visitSystem } from "../join.ts";
import { traceText } from "./text.ts";

/** Enough for some ten thousand writes. */
const lookMs = 15_000;
const traceTimeoutMs = 18_000;
const form: CommandForm = {
  name: "trace",
  says: "What became of a request: each step of its way, and a verdict with the next safe action.",
  words: { form: "<correlation id>", min: 1, max: 1 },
  options: {
    cursor: { value: "CURSOR", says: "where a further page of many writes begins" },
    json: { says: "for machines" },
  },
  exits: {
    [exitCodes.ok]: "complete",
    [exitCodes.failure]: "stuck or diverged",
    [exitCodes.uncertain]: "in flight, or not all could be seen",
    [exitCodes.notFound]: "nothing is known of the id",
  },
};
const codeOf: Readonly<Record<TraceVerdict["state"], number>> = {
  complete: exitCodes.ok,
  stuck: exitCodes.failure,
  diverged: exitCodes.failure,
  "in flight": exitCodes.uncertain,
  unknown: exitCodes.uncertain,
};

async function explain(
  broker: ServiceBroker,
  correlationId: string,
  cursor: string | undefined,
): Promise<Trace> {
  try {
    const query = { correlationId, withinMs: lookMs, ...(cursor === undefined ? {} : { cursor }) };
    return await callAction(broker, "trace.explain", query, { timeout: traceTimeoutMs });
  } catch (error) {
    // The id was looked at before: of all that is asked only the cursor can be wrong.
    if (error instanceof Refusal && error.type === "invalid-fields")
      throw usageError(form, "--cursor must be a cursor that this list has returned");
    if (!(error instanceof Unavailable || error instanceof Errors.MoleculerRetryableError)) throw error;
    throw new UnreachableError(`Cannot ask for a trace: ${error.message}`, { cause: error });
  }
}

const line = commandLine(form);
await runCommand(async () => {
  const correlationId = CorrelationId.safeParse(line.words[0]);
  if (!correlationId.success)
    throw new UsageError("Cannot run trace: a correlation id is 1 to 128 visible ASCII characters");
  const config = loadClientConfig(process.env, "trace");
  const wanted = { doing: "ask for a trace", needs: ["trace"] };
  try {
    const trace = await visitSystem(config, wanted, (broker) =>
      explain(broker, correlationId.data, line.valueOf("cursor")),
    );
    const text = line.has("json") ? JSON.stringify(trace, undefined, 2) : colourMarks(traceText(trace));
    process.stdout.write(`${text}\n`);
    return codeOf[trace.verdict.state];
  } catch (error) {
    if (!(error instanceof Refusal && error.type === "not-found")) throw error;
    process.stderr.write(`${error.message}\n`);
    return exitCodes.notFound;
  }
});
