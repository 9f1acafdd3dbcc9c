/** Examples of what opens the gateway: access keys, tokens of people, accepted domains. */
import type { AccessKey, CreatedKey, KeyPage } from "../../contracts/keys.ts";

export const wantedKey = { name: "HR import", role: "provisioner", domains: ["example.com"] };
export const listedKey: AccessKey = {
  id: "7Hq2Zk0pXw4R",
  name: "HR import",
  role: "provisioner",
  domains: ["example.com"],
  status: "active",
  createdAt: "2026-03-02T09:00:00.000Z",
  createdBy: "key:3mVb8TnYc1Lq",
  expiresAt: "2027-03-02T09:00:00.000Z",
  lastUsedAt: "2026-03-02T10:00:00.000Z",
  revokedAt: null,
  revokedBy: null,
  revokeReason: null,
  replaces: null,
  breakGlass: false,
};
/** The secret and its checksum are left out, so that nobody takes it for a key, people and scanners alike. */
export const createdKey: CreatedKey = { ...listedKey, lastUsedAt: null, key: "mrk_live_7Hq2Zk0pXw4R_…" };
export const keyPage: KeyPage = { items: [listedKey], nextCursor: null };
export const acceptedDomain = {
  domain: "example.com",
  name: "example.com",
  declaredAt: "2026-11-26T09:00:00.000Z",
  declaredBy: "key:7Hq2mZr9Lx0a",
};

export const domainPage = { items: [acceptedDomain], nextCursor: null };

export const resourceMetadata = {
  resource: "https://mail.example.com",
  resource_name: "mailroster",
  resource_documentation: "https://mail.example.com/docs",
  authorization_servers: ["https://login.example.com"],
  scopes_supported: ["addresses:read", "users:read"],
  bearer_methods_supported: ["header"],
};
