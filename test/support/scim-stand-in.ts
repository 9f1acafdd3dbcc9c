/** The service `scim` with the actions of the contract and a map for a memory, for tests of the gateway. */
import { randomUUID } from "node:crypto";
import type { ServiceSchema } from "moleculer";
import type { ActionContext } from "../../mixins/moleculer/calls.ts";
import { params } from "../../mixins/moleculer/validation.ts";
import { type ActionName, actions } from "../../services/contracts/actions.ts";
import { Refusal, Unavailable } from "../../services/contracts/errors.ts";
import { type ScimResource, scimRefusal } from "../../services/contracts/scim.ts";

interface Kept {
  readonly resource: ScimResource;
  readonly version: number;
}

/** What the actions received last, by name. */
export const asked = new Map<
  ActionName,
  { readonly params: unknown; readonly meta: Record<string, unknown> }
>();

const action = <N extends ActionName>(name: N, handler: (ctx: ActionContext<N>) => unknown) => ({
  params: params(actions[name].params),
  handler(ctx: ActionContext<N>) {
    asked.set(name, { params: structuredClone(ctx.params), meta: { ...ctx.meta } });
    return handler(ctx);
  },
});

/** The faults that a name asks for. */
function fail({ userName }: ScimResource): void {
  if (userName === "taken")
    throw scimRefusal("uniqueness", "The address ann@example.com is not available", "address-taken");
  if (userName === "domain") throw new Refusal("domain-not-accepted", "The domain is not accepted");
  if (userName === "away") throw new Unavailable("database", "down", { retryAfterMs: 2_500 });
  if (userName === "defect") throw new TypeError('relation "users" of ann@secret.example');
}

export function scimStandIn(): ServiceSchema {
  const kept = new Map<string, Kept>();
  const tagOf = ({ version }: Kept): string => `W/"${version}"`;
  const told = (id: string, baseUrl: string, user: Kept, more: object = {}) => ({
    resource: { ...user.resource, id },
    version: tagOf(user),
    location: `${baseUrl}/Users/${id}`,
    ...more,
  });
  const live = (id: string, expected?: readonly string[]): Kept => {
    const user = kept.get(id);
    if (user === undefined) throw new Refusal("not-found", "Cannot find the user: no user has this id");
    if (expected !== undefined && !expected.includes(tagOf(user)))
      throw new Refusal("version-mismatch", "Cannot change the user: it has another version");
    return user;
  };
  const listed = () => ({ resource: { totalResults: kept.size, Resources: [...kept.values()] } });
  return {
    name: "scim",
    actions: {
      create: action("scim.create", ({ params: { resource, baseUrl } }) => {
        fail(resource);
        const id = randomUUID();
        const user = { resource, version: 1 };
        kept.set(id, user);
        return told(id, baseUrl, user, { created: true });
      }),
      get: action("scim.get", ({ params: { id, baseUrl } }) => told(id, baseUrl, live(id))),
      list: action("scim.list", listed),
      search: action("scim.search", listed),
      replace: action("scim.replace", ({ params: { id, resource, expected, baseUrl } }) => {
        const user = { resource, version: live(id, expected).version + 1 };
        kept.set(id, user);
        return told(id, baseUrl, user);
      }),
      patch: action("scim.patch", ({ params: { id, expected, baseUrl } }) =>
        told(id, baseUrl, live(id, expected)),
      ),
      remove: action("scim.remove", ({ params: { id, expected } }) => {
        live(id, expected);
        kept.delete(id);
        return null;
      }),
      "group-patch": action("scim.group-patch", () => ({ resource: null })),
      discover: action("scim.discover", ({ params: { kind, filter } }) => {
        if (filter !== undefined && kind !== "ServiceProviderConfig")
          throw new Refusal("forbidden", "Cannot filter what is the same for all");
        return { resource: { id: kind } };
      }),
    },
  };
}
