/** What bulk changes ask of a gateway, all of one run under one correlation id. */
import { pause } from "../../../mixins/basics/pause.ts";
import {
  type GatewayAnswer,
  type GatewayClient,
  type GatewayRequest,
  type ProblemBody,
  slugOf,
} from "../../../mixins/http/patient-client.ts";
import { ForbiddenError, StartError } from "../../contracts/exits.ts";
import type { AddressInfo } from "../../contracts/look-up.ts";
import { pageSizeMax } from "../../contracts/paging.ts";
import type { User } from "../../contracts/user.ts";
import type { ListedUser, UserPage } from "../../contracts/user-lists.ts";

/** A write that is under way still, of an answer that got lost, ends within the time of a write. */
const inUseWaitMs = 300;
const inUseWaitsMax = 20;

/** What came of a write; `again`: the user is at another version than the one that it was decided on. */
export type Written =
  | { readonly kind: "done" }
  | { readonly kind: "again" }
  | { readonly kind: "gone" }
  | { readonly kind: "refused"; readonly slug: string; readonly reason: string };

export interface Write {
  readonly method: "PATCH" | "DELETE" | "POST";
  readonly path: string;
  readonly body?: unknown;
  /** Of the user as it was read; absent where nothing can be written over: of a restore. */
  readonly version?: number;
  /** The same for the same write, so that one whose answer got lost is done once. */
  readonly key: string;
}

export interface Api {
  /** In the order of ids, with a page at a time in memory. */
  users(query: Readonly<Record<string, string>>): AsyncIterable<ListedUser>;
  /** undefined: nobody who lives has the id. */
  user(id: string): Promise<User | undefined>;
  /** Who holds an address, or why it is none. */
  lookUp(address: string): Promise<AddressInfo | { readonly fault: string }>;
  /** Whether addresses may be taken in a domain. */
  isAccepted(domain: string): Promise<boolean>;
  write(write: Write): Promise<Written>;
}

/** For a person: the detail, and each field's. */
export function refusalText({ status, body }: GatewayAnswer): string {
  const { detail, title, errors = [] } = (body ?? {}) as ProblemBody;
  const fields = errors.map(({ detail: why, conflict }) =>
    conflict === undefined
      ? why
      : `${conflict.address} is ${conflict.status}${conflict.userId === null ? "" : `, of user ${conflict.userId}`}`,
  );
  return [detail ?? title ?? `answer ${status}`, ...fields].join("; ");
}

/** Of whoever asks, whatever they ask for: not of one user that is none of theirs. */
const lacksRights = ({ status, headers }: GatewayAnswer): boolean =>
  status === 401 || (status === 403 && String(headers["www-authenticate"]).includes("insufficient_scope"));

const segment = encodeURIComponent;
const neverAborted = new AbortController().signal;

/** `doing` completes "Cannot …". What nobody expects rejects as a StartError, what may not be done as a ForbiddenError. */
export function apiOf(client: GatewayClient, doing: string, correlationId: string): Api {
  const ask = async (asked: Omit<GatewayRequest, "correlationId">): Promise<GatewayAnswer> => {
    const answer = await client.request({ ...asked, correlationId });
    if (lacksRights(answer)) throw new ForbiddenError(`Cannot ${doing}: ${refusalText(answer)}`);
    return answer;
  };
  const unexpected = (answer: GatewayAnswer): StartError =>
    new StartError(`Cannot ${doing}: ${client.url} answers ${answer.status}: ${refusalText(answer)}`);
  const read = async <T>(path: string, none: readonly number[] = []): Promise<T | undefined> => {
    const answer = await ask({ method: "GET", path });
    if (answer.status === 200) return answer.body as T;
    if (none.includes(answer.status)) return undefined;
    throw unexpected(answer);
  };

  return {
    async *users(query) {
      let cursor: string | null = null;
      do {
        const search = new URLSearchParams({ ...query, limit: String(pageSizeMax) });
        if (cursor !== null) search.set("cursor", cursor);
        const page: UserPage | undefined = await read<UserPage>(`/users?${search.toString()}`);
        yield* page?.items ?? [];
        cursor = page?.nextCursor ?? null;
      } while (cursor !== null);
    },
    user: (id) => read<User>(`/users/${segment(id)}`, [404]),
    async lookUp(address) {
      const answer = await ask({ method: "GET", path: `/smtp/${segment(address)}` });
      if (answer.status === 200) return answer.body as AddressInfo;
      if ([400, 404, 422].includes(answer.status)) return { fault: refusalText(answer) };
      throw unexpected(answer);
    },
    async isAccepted(domain) {
      if ((await read(`/domains/${segment(domain)}`, [404])) !== undefined) return true;
      const declared = await read<{ readonly items: readonly unknown[] }>("/domains?limit=1");
      return declared?.items.length === 0;
    },
    async write({ method, path, body, version, key }) {
      const mediaType = method === "PATCH" ? { mediaType: "application/merge-patch+json" } : {};
      const condition = version === undefined ? {} : { version };
      const content = body === undefined ? {} : { body, ...mediaType };
      for (let waits = 0; ; waits += 1) {
        const answer = await ask({ method, path, ...content, ...condition, idempotencyKey: key });
        const slug = slugOf(answer) ?? String(answer.status);
        if (answer.status < 300) return { kind: "done" };
        if (answer.status === 412) return { kind: "again" };
        if (answer.status === 404) return { kind: "gone" };
        if (slug !== "idempotency-key-in-use" || waits >= inUseWaitsMax)
          return { kind: "refused", slug, reason: refusalText(answer) };
        await pause(inUseWaitMs, neverAborted);
      }
    },
  };
}
