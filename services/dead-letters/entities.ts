/** What dead-letters keeps beside the letters: replays of a cause, and what each of them sent. */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { keptWorkCheck, keptWorkProperties } from "../../mixins/postgres/kept-work.ts";

/** A replay of a cause, from when it begins. */
export const LetterReplayRow = defineEntity({
  name: "LetterReplayRow",
  tableName: "dead_letter_replays",
  properties: {
    ...keptWorkProperties,
    cause: p.text(),
    failedBefore: p.datetime(3),
    max: p.integer(),
    /** How many were to be sent when it began. */
    letters: p.integer(),
  },
  checks: [keptWorkCheck("dead_letter_replays")],
});
export type LetterReplayRow = InferEntity<typeof LetterReplayRow>;

/** A letter that a replay of its cause sent; it may be gone before its replay is. */
export const ReplayedLetter = defineEntity({
  name: "ReplayedLetter",
  tableName: "dead_letter_replayed",
  properties: {
    replayId: p.uuid().primary(),
    letterId: p.uuid().primary(),
    /** The letter's number of replays by it: one that is pending under it, or has a higher one, has come back. */
    replays: p.integer(),
  },
});
