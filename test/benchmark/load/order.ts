/** What the process that makes the load is asked for, and what it answers; one JSON object a line. */

export type Work = HttpWork | LookupWork;

/** Mail servers that ask by socketmap whether there are these addresses, one after the other. */
export interface LookupWork {
  readonly kind: "lookup";
  readonly addresses: readonly string[];
}

export type HttpWork =
  /** Every create asks for an address that nobody has. */
  | { readonly kind: "create"; readonly prefix: string }
  /** As an identity provider makes them, by SCIM. */
  | { readonly kind: "create-scim"; readonly prefix: string }
  /** Every create has an Idempotency-Key of its own. */
  | { readonly kind: "create-keyed"; readonly prefix: string }
  /** A second synchronisation: each user in turn is looked for by name, then patched with what it is. */
  | { readonly kind: "scim-sync"; readonly users: readonly { readonly id: string; readonly name: string }[] }
  /** Every create asks for the same address. */
  | { readonly kind: "create-same"; readonly address: string }
  /** Each user in turn gets another display name. */
  | { readonly kind: "update"; readonly paths: readonly string[] }
  | { readonly kind: "get"; readonly paths: readonly string[] };

/** How hard: as fast as answers come, for a time or a number of requests, or so many a second whatever comes back. */
export type Pace =
  | { readonly connections: number; readonly seconds: number }
  | { readonly connections: number; readonly amount: number }
  | { readonly perSecond: number; readonly seconds: number };

export interface Order {
  /** Several gateways share the connections. Of look-ups: `tcp://host:port`. */
  readonly urls: readonly string[];
  readonly work: Work;
  readonly pace: Pace;
  /** Whose requests they are; undefined: nobody's. */
  readonly token?: string | undefined;
}

export interface HttpOrder extends Order {
  readonly work: HttpWork;
}

export interface LookupOrder extends Order {
  readonly work: LookupWork;
}

export const asksMaps = (order: Order): order is LookupOrder => order.work.kind === "lookup";

export interface LoadResult {
  /** Answers with a status of 2xx in each second of the measured time. */
  readonly perSecond: number;
  readonly answered: number;
  readonly failed: number;
  /** What the failed ones were answered, if at all: `503 × 12, no answer × 1`. */
  readonly failures: string;
  readonly seconds: number;
  /** Of a steady load and of look-ups, from when each request was due to the end of its answer. */
  readonly latenciesMs?: readonly number[];
}

/** Statuses and how often each came, as people read them; without those that are no failure. */
export function failuresOf(statuses: ReadonlyMap<string, number>): string {
  const failed = [...statuses].filter(([status, count]) => !status.startsWith("2") && count > 0);
  return failed.map(([status, count]) => `${status} × ${count}`).join(", ");
}

export interface NextRequest {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly idempotencyKey?: string;
}

/** As HTTP has them; none where there is nothing to say. */
export const headersOf = ({ contentType, idempotencyKey }: NextRequest): Record<string, string> => ({
  ...(contentType === undefined ? {} : { "content-type": contentType }),
  ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
});

const json = "application/json";
const scimJson = "application/scim+json";

/** The requests of a load, one after the other. Bodies are put together by hand: it costs the cores that are measured. */
export function requestsOf(work: HttpWork): () => NextRequest {
  let count = 0;
  switch (work.kind) {
    case "create":
      return () => {
        const name = `${work.prefix}-${++count}`;
        const body = `{"displayName":"Person ${name}","primarySmtp":"${name}@bench.example"}`;
        return { method: "POST", path: "/users", contentType: json, body };
      };
    case "create-scim":
      return () => {
        const name = `${work.prefix}-${++count}`;
        const address = `${name}@bench.example`;
        const body = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"${address}","externalId":"${name}","name":{"givenName":"Person","familyName":"${name}"},"emails":[{"value":"${address}","type":"work","primary":true}],"active":true}`;
        return { method: "POST", path: "/scim/v2/Users", contentType: scimJson, body };
      };
    case "create-keyed":
      return () => {
        const name = `${work.prefix}-${++count}`;
        const body = `{"displayName":"Person ${name}","primarySmtp":"${name}@bench.example"}`;
        return { method: "POST", path: "/users", contentType: json, body, idempotencyKey: name };
      };
    case "scim-sync":
      return () => {
        const { id = "", name = "" } = work.users[(count >> 1) % work.users.length] ?? {};
        const looksFor = count++ % 2 === 0;
        if (looksFor) return { method: "GET", path: `/scim/v2/Users?filter=userName%20eq%20%22${name}%22` };
        const body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"userName":"${name}","active":true}}]}`;
        return { method: "PATCH", path: `/scim/v2/Users/${id}`, contentType: scimJson, body };
      };
    case "create-same":
      return () => {
        const body = `{"displayName":"Person ${++count}","primarySmtp":"${work.address}"}`;
        return { method: "POST", path: "/users", contentType: json, body };
      };
    case "update":
      return () => {
        const path = work.paths[++count % work.paths.length] ?? "";
        const body = `{"displayName":"Person ${count}"}`;
        return { method: "PATCH", path, contentType: "application/merge-patch+json", body };
      };
    case "get":
      return () => ({ method: "GET", path: work.paths[++count % work.paths.length] ?? "" });
  }
}
