/** An example of who has signed in. */
import type { SessionState } from "../../contracts/session.ts";

export const exampleSession: SessionState = {
  signedIn: true,
  name: "Ann Lee",
  id: "oidc:entra:7c1e9d3a",
  roles: ["helpdesk"],
  scopes: ["addresses:read", "users:read", "users:search", "users:write"],
  domains: null,
  via: "session",
  endsAt: "2026-03-02T18:00:00.000Z",
  banner: null,
  ways: ["entra", "key"],
};
