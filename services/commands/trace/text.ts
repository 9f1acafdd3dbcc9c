/** The way of a request for people: the same text from `npm run trace` and from the REPL. Pure. */

import { counted } from "../../../mixins/basics/plural.ts";
import {
  type AddressesStep,
  type ConsumerStep,
  type OutboxStep,
  type Trace,
  type TracedLetter,
  type TracedWrite,
  type TraceVerdict,
  verdictStates,
} from "../../contracts/trace.ts";

type Mark = "✓" | "…" | "✗" | "?";
type Line = readonly [mark: Mark | " ", step: string, says: string];

const stepWidth = "smtp-registry".length;

const headline = ({ state, at, sinceS }: TraceVerdict): string =>
  [
    state,
    ...(at === null || state === "complete" ? [] : [`at ${at}`]),
    ...(sinceS === null ? [] : [`since ${sinceS} s`]),
  ].join(" ");

function requestLine({ request }: TracedWrite): Line {
  const { did, actor, idempotency, replays } = request;
  const verdicts = {
    "no key": "no Idempotency-Key, so a repeat would be another write",
    "answer stored": `answer stored under its Idempotency-Key, given again ${counted(replays, "time")}`,
    unknown: "whether it had an Idempotency-Key is not known any more",
  };
  return ["✓", "request", `${did}${actor === null ? "" : ` by ${actor}`}: ${verdicts[idempotency]}`];
}

function transactionLines({ transaction }: TracedWrite): Line[] {
  if (transaction === null) return [["✓", "transaction", "nothing was changed"]];
  const { userId, version, eventId, eventType, changes, assignments = [] } = transaction;
  const about = `user ${userId}, version ${version ?? "?"}: ${eventType} (event ${eventId})`;
  const shown = changes.map(({ field, from, to }): Line => {
    const values = to === undefined ? "" : `: ${JSON.stringify(from)} → ${JSON.stringify(to)}`;
    return [" ", "", `${field}${values}`];
  });
  const suffixed = assignments.map(({ requested, assigned, kind, reason }): Line => {
    const which = requested === undefined ? `its ${kind} address` : `${requested} became ${assigned}`;
    return [" ", "", `${which} got a suffix: what was asked for is ${reason}`];
  });
  return [["✓", "transaction", about], ...shown, ...suffixed];
}

function outboxLine({ state, writtenAt, publishedAt, attempts, refusal }: OutboxStep): Line {
  const tries = counted(attempts ?? 0, "attempt");
  const refused = refusal === null ? "" : `, refused the last time: ${refusal}`;
  switch (state) {
    case "published":
      return ["✓", "outbox", `written ${writtenAt}, published ${publishedAt} (${tries})`];
    case "pending":
      return ["…", "outbox", `written ${writtenAt}, not published yet (${tries}${refused})`];
    case "forgotten":
      return ["✓", "outbox", "published longer ago than is remembered"];
    case "unknown":
      return ["?", "outbox", "can't be seen now"];
  }
}

const consumerMark: Readonly<Record<ConsumerStep["state"], Mark>> = {
  processed: "✓",
  superseded: "✓",
  stale: "✓",
  waiting: "…",
  retrying: "…",
  dead: "✗",
  discarded: "✗",
  unknown: "?",
};

const letterText = ({ id, status, reason, error, replays, at, discardedBy, discardReason }: TracedLetter) => {
  const by = status === "discarded" ? ` by ${discardedBy} (${discardReason})` : "";
  const again = replays === 0 ? "" : `, ${counted(replays, "replay")}`;
  return `dead letter ${id}: ${status}${by} ${at}${again}; ${reason} (${error})`;
};

function consumerLines({ consumer, state, at, duplicates, failures, error, letter }: ConsumerStep): Line[] {
  const when = at === null ? "" : ` ${at}`;
  const says: Readonly<Record<ConsumerStep["state"], string>> = {
    processed: `processed${when}`,
    superseded: "a newer version has taken effect, and all of this one with it",
    stale: `came after a newer version and changed nothing${when}`,
    waiting: "not yet",
    retrying: `fails and is tried again: ${error}`,
    dead: "gave it up",
    discarded: "never took it",
    unknown: "can't be seen now",
  };
  const notes = [
    ...(failures === 0 ? [] : [counted(failures, "failure")]),
    ...(duplicates === 0 ? [] : [`came again ${counted(duplicates, "time")}, without effect`]),
  ];
  const suffix = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return [
    [consumerMark[state], consumer, `${says[state]}${suffix}`],
    ...(letter === null ? [] : [[" ", "", letterText(letter)] as const]),
  ];
}

type Side = AddressesStep["users"];

const sideText = (side: Side): string =>
  side === null
    ? "nothing is known"
    : `version ${side.version}, ${side.addresses.map(({ address, kind, state }) => `${address} (${kind}, ${state})`).join(", ") || "no address"}`;

function addressLines({ state, users, registry }: AddressesStep): Line[] {
  if (state === "agree") return [["✓", "addresses", `users and registry agree: ${sideText(users)}`]];
  const mark = { behind: "…", differ: "✗", unknown: "?" } as const;
  return [
    [mark[state], "addresses", `users: ${sideText(users)}`],
    [" ", "", `registry: ${sideText(registry)}`],
  ];
}

const align = ([mark, step, says]: Line): string => `  ${mark} ${step.padEnd(stepWidth)}  ${says}`;

const verdictLines = ({ says, next }: TraceVerdict): string[] => [`  ${says}`, `  → ${next}`];

function writeText(write: TracedWrite, index: number, count: number): string {
  const { outbox, addresses, verdict } = write;
  const lines = [
    requestLine(write),
    ...transactionLines(write),
    ...(outbox === null ? [] : [outboxLine(outbox)]),
    ...write.consumers.flatMap(consumerLines),
    ...(addresses === null ? [] : addressLines(addresses)),
  ];
  const title = `write ${index + 1} of ${count}: ${headline(verdict)}`;
  const own = count === 1 ? [] : verdictLines(verdict);
  return [title, ...lines.map(align), ...own].join("\n");
}

/** Of one write the headline says it. */
function countLines({ total, counts }: Trace): string[] {
  if (total === null || counts === null || total < 2) return [];
  const states = verdictStates.flatMap((state) => (counts[state] ? `${counts[state]} ${state}` : []));
  return [`  ${total} writes: ${states.join(", ")}`];
}

/** Several lines, without a newline at the end. */
export function traceText(trace: Trace): string {
  const { correlationId, verdict, writes, replays, letters, unseen, nextCursor } = trace;
  const others: Line[] = [
    ...replays.map(({ action, of, times, at }): Line => {
      const first = of === null ? "an earlier request" : `the request ${of}`;
      return [
        "✓",
        "replay",
        `${action}: got the stored answer of ${first}, ${counted(times, "time")}, last ${at}`,
      ];
    }),
    ...letters.map((letter): Line => {
      const mark = letter.status === "pending" ? "✗" : "✓";
      return [mark, "dead letter", `${letter.queue}, of no write that is known: ${letterText(letter)}`];
    }),
    ...unseen.map(({ service, reason }): Line => ["?", service, reason]),
    ...(nextCursor === null
      ? []
      : [[" ", "", `there are more writes under this id: --cursor ${nextCursor}`] as const]),
  ];
  return [
    [`trace ${correlationId}: ${headline(verdict)}`, ...countLines(trace), ...verdictLines(verdict)].join(
      "\n",
    ),
    ...writes.map((write, index) => writeText(write, index, writes.length)),
    ...(others.length === 0 ? [] : [others.map(align).join("\n")]),
  ].join("\n\n");
}
