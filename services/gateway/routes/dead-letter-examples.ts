/** Examples of dead letters: one that failed in the life that examples.ts tells. */
import type {
  DeadLetter,
  DeadLetterCauses,
  DeadLetterDetail,
  DeadLetterPage,
} from "../../contracts/dead-letters.ts";
import type { LetterReplay } from "../../contracts/replays.ts";
import { id, updatedAt } from "./examples.ts";

const deadLetter: DeadLetter = {
  id: "01997b3c-2b1e-7d0a-9c55-0a1b2c3d4e5f",
  queue: "audit.user-events",
  status: "pending",
  eventId: "01997b3a-0d10-7a52-8b7f-1f0c2d3e4f50",
  eventType: "user.updated.v1",
  userId: id,
  correlationId: "3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d",
  reason: "retries-exhausted",
  error: "DriverException 22P05",
  cause: "5d1c0b7e9a42",
  attempts: 6,
  replays: 0,
  firstFailedAt: updatedAt,
  lastFailedAt: "2026-03-02T10:12:36.000Z",
  lastReplayedAt: null,
};
export const deadLetterPage: DeadLetterPage = { items: [deadLetter], nextCursor: null };
export const deadLetterCauses: DeadLetterCauses = {
  items: [
    {
      cause: deadLetter.cause,
      letters: 12,
      queue: deadLetter.queue,
      eventType: "user.updated.v1",
      reason: deadLetter.reason,
      error: deadLetter.error,
      firstFailedAt: updatedAt,
      lastFailedAt: deadLetter.lastFailedAt,
      exampleId: deadLetter.id,
    },
  ],
};
export const deadLetterDetail: DeadLetterDetail = {
  ...deadLetter,
  routingKey: "user.updated.v1",
  payload: { specversion: "1.0", id: deadLetter.eventId, type: "user.updated.v1", subject: id, sequence: 2 },
  payloadEncoding: "json",
  headers: { "x-attempts": 6, "x-consumer": "mailroster users-1" },
  discarded: null,
};
export const replayedDeadLetter: DeadLetter = {
  ...deadLetter,
  status: "replayed",
  replays: 1,
  lastReplayedAt: "2026-03-02T11:00:00.000Z",
};
export const discardDeadLetter = { reason: "The user was removed by hand, ticket 4711" };
export const beginReplay = { cause: deadLetter.cause, max: 500 };
export const begunReplay: LetterReplay = {
  id: "01997b66-5a10-7c3e-b1d2-3e4f5a6b7c8d",
  cause: deadLetter.cause,
  failedBefore: "2026-03-02T11:00:00.000Z",
  max: beginReplay.max,
  status: "running",
  startedAt: "2026-03-02T11:00:00.000Z",
  startedBy: "key:3mVb8TnYc1Lq",
  correlationId: "7c1e9d3a-5b0f-4f2a-8c11-6d5e4f3a2b1c",
  endedAt: null,
  error: null,
  letters: 12,
  replayed: 0,
  cameBack: 0,
};
export const replay: LetterReplay = {
  ...begunReplay,
  status: "done",
  endedAt: "2026-03-02T11:00:01.000Z",
  replayed: 12,
  cameBack: 1,
};
