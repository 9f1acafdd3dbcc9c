/** Access keys as every surface shows them, and what a gateway is told of them. */
import * as z from "zod";
import { RoleName } from "./access.ts";
import { DomainName } from "./domains.ts";
import { wholeNumber } from "./numbers.ts";
import { NextCursor, paging } from "./paging.ts";
import { keyDays } from "./roles.ts";
import { newText } from "./text.ts";

const nameCharsMax = 64;
const reasonCharsMax = 500;
const domainsMax = 100;
const overlapHoursMax = 7 * 24;

export const KeyId = z
  .string()
  .regex(/^[0-9A-Za-z]{12}$/, "must be the id of a key, 12 letters and digits")
  .meta({ id: "KeyId" });

export const KeyName = newText(nameCharsMax).meta({
  id: "KeyName",
  description: "What the key is for; it stands in lists and metrics, so no secret and nobody's name",
  examples: ["HR import"],
});

export const KeyDomains = z
  .array(DomainName)
  .min(1)
  .max(domainsMax)
  .meta({
    id: "KeyDomains",
    description: "Outside of these domains the key sees and changes nothing",
    examples: [["example.com"]],
  });

export const KeyStatus = z.enum(["active", "expired", "revoked"]).meta({ id: "KeyStatus" });
export type KeyStatus = z.infer<typeof KeyStatus>;

export const AccessKey = z
  .object({
    id: KeyId,
    name: z.string(),
    role: RoleName,
    domains: z.array(z.string()).nullable().meta({ description: "null: every domain" }),
    status: KeyStatus,
    createdAt: z.iso.datetime(),
    createdBy: z.string().meta({ description: "Who made it, as the audit log names them" }),
    expiresAt: z.iso.datetime().meta({ description: "From then on it is refused" }),
    lastUsedAt: z.iso
      .datetime()
      .nullable()
      .meta({ description: "To about a minute; null when it never was used" }),
    revokedAt: z.iso.datetime().nullable(),
    revokedBy: z.string().nullable(),
    revokeReason: z.string().nullable(),
    replaces: KeyId.nullable().meta({ description: "The key that a rotation made it from" }),
    breakGlass: z
      .boolean()
      .meta({ description: "Made for an emergency (npm run key -- create --break-glass)" }),
  })
  .meta({ id: "AccessKey" });
export type AccessKey = z.infer<typeof AccessKey>;

export const CreatedKey = AccessKey.extend({
  key: z.string().optional().meta({
    description:
      "The key itself, this once: nobody can tell it again. Absent when this is the answer to a repeat (Idempotent-Replayed)",
  }),
}).meta({ id: "CreatedKey" });
export type CreatedKey = z.infer<typeof CreatedKey>;

export const CreateKey = z
  .strictObject({
    name: KeyName,
    role: RoleName,
    domains: KeyDomains.optional(),
    expiresAt: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({
        description: `At most ${keyDays.max} days away; without it ${keyDays.default} days, of a provisioner ${keyDays.provisioner}`,
      }),
  })
  .meta({ id: "CreateKey" });

export const TargetKey = z.strictObject({ id: KeyId });

export const ListKeys = z.strictObject({ ...paging }).meta({ id: "ListKeys" });
export const KeyPage = z
  .object({ items: z.array(AccessKey), nextCursor: NextCursor })
  .meta({ id: "KeyPage" });
export type KeyPage = z.infer<typeof KeyPage>;

export const KeyReason = newText(reasonCharsMax).meta({ id: "KeyReason", examples: ["Lost with a laptop"] });
export const RevokeKey = z.strictObject({ id: KeyId, reason: KeyReason.default("none given") });

export const KeyOverlap = wholeNumber(0, overlapHoursMax)
  .default(24)
  .meta({ description: "For so many hours the old key is good beside the new one, unless it ends before" });
export const RotateKey = z.strictObject({ id: KeyId, overlapHours: KeyOverlap });

/** What a gateway has to know of a key. */
export const SnapshotKey = z.object({
  id: KeyId,
  hash: z.string(),
  name: z.string().optional().meta({ description: "Absent: told by a service of an older release" }),
  role: RoleName,
  domains: z.array(z.string()).nullable(),
  expiresAt: z.iso.datetime(),
  isRevoked: z.boolean(),
  breakGlass: z.boolean(),
});
export type SnapshotKey = z.infer<typeof SnapshotKey>;

const idCharsMax = 128;
const sessionsOf = z.enum(["session", "principal"]);
export const EndSessions = z
  .strictObject({
    kind: sessionsOf.meta({ description: "One session, or all that somebody has begun until now" }),
    id: z.string().min(1).max(idCharsMax).meta({
      description: "Of the session (session in the activity), or of who has it, as the audit log names them",
    }),
    reason: KeyReason.default("none given"),
  })
  .meta({ id: "EndSessions" });

/** What a gateway has to know of sessions: those that are good no more. */
export const EndedSession = z.object({ kind: sessionsOf, id: z.string(), at: z.iso.datetime() });
export type EndedSession = z.infer<typeof EndedSession>;

export const KeyChangesQuery = z.strictObject({
  since: z.string().optional().meta({ description: "The generation that is known; absent: none is" }),
});
export const KeyChanges = z.object({
  generation: z.string().meta({ description: "Another one means other keys, whichever is the newer" }),
  keys: z
    .array(SnapshotKey)
    .nullable()
    .meta({ description: "All of them; null: those of the generation that is known" }),
  endedSessions: z
    .array(EndedSession)
    .optional()
    .meta({ description: "Beside keys; absent: told by a service of an older release" }),
});

export const UsedKeys = z.strictObject({
  uses: z.array(z.strictObject({ id: KeyId, at: z.iso.datetime() })).max(1_000),
});

/** Broadcast to every gateway: ask again at once. */
export const keysChangedEvent = "access.changed";
