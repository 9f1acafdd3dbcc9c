/** `outbox` and `trace`: whether events leave, and what became of one request. */
import { traceText } from "../trace/text.ts";
import { type Command, WrongUse, wordAt } from "./command.ts";

export const outboxCommand: Command = {
  name: "outbox",
  description: "Events that wait for the bus, and those it took last",
  usage: ["outbox [how many]"],
  async run({ call, table }, words) {
    const [limit] = words;
    const status = await call("outbox.status", limit === undefined ? {} : { limit });
    const { pending, oldestAgeS, waiting, published } = status;
    const head =
      pending === 0 ? "Nothing waits" : `${pending} wait, the oldest for ${Math.round(oldestAgeS)} s`;
    const waits = table(
      ["waiting", "type", "user", "for", "refused", "because", "correlation id"],
      waiting.map((event) => [
        event.eventId,
        event.type,
        event.userId,
        `${Math.round(event.ageS)} s`,
        event.attempts,
        event.refusal,
        event.correlationId,
      ]),
      "",
    );
    const gone = table(
      ["published", "type", "user", "at", "correlation id"],
      published.map((event) => [
        event.eventId,
        event.type,
        event.userId,
        event.publishedAt,
        event.correlationId,
      ]),
      "Nothing was published yet",
    );
    return [head, waits, gone].filter((part) => part !== "").join("\n\n");
  },
};

export const traceCommand: Command = {
  name: "trace",
  description: "The whole way of a request",
  usage: ["trace <correlation id> [<cursor of a further page>]"],
  async run({ call }, words) {
    const correlationId = wordAt(words, 0, "The correlation id");
    const [, cursor, ...more] = words;
    if (more.length > 0) throw new WrongUse("A correlation id is one word");
    return traceText(
      await call("trace.explain", { correlationId, ...(cursor === undefined ? {} : { cursor }) }),
    );
  },
};
