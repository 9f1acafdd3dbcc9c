/** `dlq`: events that a consumer gave up, why, and what to do with them. */
import { type Command, type Desk, type Options, WrongUse, wordAt } from "./command.ts";

const shownMax = 50;

async function list({ call, table }: Desk, queue: string | undefined, options: Options): Promise<string> {
  const { items, nextCursor } = await call("dead-letters.list", {
    limit: shownMax,
    status: options.all === true ? "all" : "pending",
    ...(queue === undefined ? {} : { queue }),
  });
  const rows = table(
    ["id", "status", "queue", "event", "reason", "tries", "last failure", "correlation id"],
    items.map((letter) => [
      letter.id,
      letter.status,
      letter.queue,
      letter.eventType,
      letter.reason,
      letter.attempts,
      letter.lastFailedAt,
      letter.correlationId,
    ]),
    "No dead letter waits for a decision",
  );
  return nextCursor === null ? rows : `${rows}\nand more: see dlq causes`;
}

async function causes({ call, table }: Desk): Promise<string> {
  const { items } = await call("dead-letters.causes", {});
  return table(
    ["letters", "queue", "event", "reason", "error", "newest"],
    items.map(({ letters, queue, eventType, reason, error, exampleId }) => [
      letters,
      queue,
      eventType,
      reason,
      error,
      exampleId,
    ]),
    "No dead letter waits for a decision",
  );
}

async function show({ call }: Desk, id: string): Promise<string> {
  const letter = await call("dead-letters.get", { id });
  const { payload, headers, discarded, ...facts } = letter;
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return [
    ...Object.entries(facts).map(([name, value]) => `${name.padEnd(width)}  ${value ?? "-"}`),
    ...(discarded === null ? [] : [`discarded ${discarded.at} by ${discarded.by}: ${discarded.reason}`]),
    `headers  ${JSON.stringify(headers)}`,
    "payload",
    typeof payload === "string" ? payload : JSON.stringify(payload, undefined, 2),
  ].join("\n");
}

async function discard({ call }: Desk, id: string, reason: string): Promise<string> {
  if (reason === "") throw new WrongUse("The reason is missing: others will want to know why");
  const { queue } = await call("dead-letters.discard", { id, reason });
  return `Discarded: ${queue} will never see it`;
}

export const deadLettersCommand: Command = {
  name: "dlq",
  description: "Dead letters",
  usage: [
    "dlq list [queue] [--all]",
    "dlq causes",
    "dlq show <id>",
    "dlq replay <id>",
    "dlq discard <id> <reason …>",
  ],
  options: [{ option: "--all", description: "list also what was replayed or discarded" }],
  async run(desk, words, options) {
    const [verb = "list"] = words;
    if (verb === "list") return list(desk, words[1], options);
    if (verb === "causes") return causes(desk);
    if (verb === "show") return show(desk, wordAt(words, 1, "The id"));
    if (verb === "discard") return discard(desk, wordAt(words, 1, "The id"), words.slice(2).join(" "));
    if (verb !== "replay") throw new WrongUse(`There is no dlq ${verb}`);
    const { queue, replays } = await desk.call("dead-letters.replay", { id: wordAt(words, 1, "The id") });
    return `Replayed into ${queue} (time ${replays}); it is pending again if it fails there once more`;
  },
};
