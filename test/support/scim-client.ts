/** A client of SCIM, as an identity provider is one. */
import { randomUUID } from "node:crypto";
import { comingAgain } from "./coming-again.ts";

// biome-ignore lint/suspicious/noExplicitAny: a foreign answer is looked at member by member
type Body = any;

export interface ScimAnswered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User";
export const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

export const patchOf = (...operations: object[]) => ({ schemas: [patchSchema], Operations: operations });

export type ScimClient = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<ScimAnswered>;

/** `url` of the gateway; `token` of a key. */
export const scimClient =
  (url: string, token?: string): ScimClient =>
  (method, path, body, headers = {}) =>
    comingAgain(async () => {
      const answer = await fetch(`${url}/scim/v2${path}`, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/scim+json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        headers: answer.headers,
        body: text === "" ? undefined : JSON.parse(text),
      };
    });

/** A name that no other test has. */
export const unique = (name: string): string => `${name}.${randomUUID().slice(0, 8)}`;
export const person = (userName: string, more: object = {}) => ({ schemas: [userSchema], userName, ...more });
/** Of an answer that refuses: its status and its word. */
export const refusal = ({ status, body }: ScimAnswered) => [status, body.scimType];
