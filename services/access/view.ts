/** How a stored key looks to whoever asks, and to a gateway. No I/O. */

import type { AccessKey, KeyStatus, SnapshotKey } from "../contracts/keys.ts";
import type { Role } from "../contracts/roles.ts";
import type { ApiKeyRow } from "./entities.ts";

export const keyStatus = (
  { revokedAt, expiresAt }: Pick<ApiKeyRow, "revokedAt" | "expiresAt">,
  now: Date,
): KeyStatus => {
  if (revokedAt) return "revoked";
  return expiresAt <= now ? "expired" : "active";
};

const textOf = (time: Date | null | undefined): string | null => time?.toISOString() ?? null;

export const keyView = (row: ApiKeyRow, now: Date): AccessKey => ({
  id: row.id,
  name: row.name,
  role: row.role as Role,
  domains: row.domains ?? null,
  status: keyStatus(row, now),
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
  expiresAt: row.expiresAt.toISOString(),
  lastUsedAt: textOf(row.lastUsedAt),
  revokedAt: textOf(row.revokedAt),
  revokedBy: row.revokedBy ?? null,
  revokeReason: row.revokeReason ?? null,
  replaces: row.replaces ?? null,
  breakGlass: row.breakGlass,
});

/** What a row must have for it. */
export const snapshotMembers = [
  "id",
  "hash",
  "name",
  "role",
  "domains",
  "expiresAt",
  "revokedAt",
  "breakGlass",
] as const;

export const snapshotView = (row: Pick<ApiKeyRow, (typeof snapshotMembers)[number]>): SnapshotKey => ({
  id: row.id,
  hash: row.hash,
  name: row.name,
  role: row.role as Role,
  domains: row.domains ?? null,
  expiresAt: row.expiresAt.toISOString(),
  isRevoked: Boolean(row.revokedAt),
  breakGlass: row.breakGlass,
});
