/**
 * The writes of a client of SCIM (RFC 7644 §3.3 to §3.6): each is one action of `users`, made of what the client sent and
 * of what is known of the user.
 *
 * Promise: a taken userName or address is refused, never changed. Who was deleted, or is inactive, and is created again is
 * back under the same id. What is read for a write is what it is carried out on (provisioned.ts).
 */
import { type ActionContext, callAction } from "../../mixins/moleculer/calls.ts";
import { localPrincipal, type Principal } from "../contracts/access.ts";
import type { ActionName, ActionParams } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { ScimAnswer } from "../contracts/scim.ts";
import { restorableUntil } from "../contracts/terms.ts";
import { resourceOf, stateWanted, type Wanted, type Writer } from "./mapping.ts";
import { operationsIn, patched } from "./patch.ts";
import { projected } from "./projection.ts";
import {
  type Order,
  type ProvisionDeps,
  provisioned,
  type WriteContext,
  type Written,
} from "./provisioned.ts";
import {
  isSeenBy,
  type KnownUser,
  knownById,
  locationOf,
  scimResourceOf,
  userFinder,
  versionTag,
} from "./read.ts";
import { userNameTaken } from "./refusals.ts";
import { userType } from "./schemas.ts";
import { isUuid, type Members, resourceIn } from "./values.ts";

export interface UserDeps extends ProvisionDeps {
  readonly defaultDomain: string | undefined;
}

const notFound = (): Refusal => new Refusal("not-found", "Cannot find the user: there is none with this id");

export const clientNameOf = (user: Principal | null | undefined): string =>
  user?.client ?? user?.id ?? localPrincipal.id;

const isSeen = (asker: Principal | null | undefined, { user }: KnownUser): boolean => isSeenBy(asker, user);

type Shown = Omit<ActionParams<"scim.get">, "id"> & { readonly client: string };

function answerOf(
  known: Parameters<typeof scimResourceOf>[0],
  { client, baseUrl, ...projection }: Shown,
): ScimAnswer {
  return {
    resource: projected(userType, scimResourceOf(known, { client, baseUrl }), projection),
    version: versionTag(known),
    location: locationOf(known.user.id, baseUrl),
  };
}

/** `3` of W/"3" or "3". */
const opaque = (tag: string): string => tag.replace(/^W\//, "").replace(/^"(.*)"$/, "$1");

export function userActions(deps: UserDeps) {
  const { db, terms, now, defaultDomain } = deps;
  const find = userFinder(db);
  const writerOf = ({ meta: { user } }: WriteContext): Writer => ({
    client: clientNameOf(user),
    defaultDomain,
  });

  /** A living user whom the caller may see. Throws Refusal `not-found`, or `version-mismatch`. */
  async function livingUser(
    { user }: WriteContext["meta"],
    id: string,
    expected?: readonly string[],
  ): Promise<KnownUser> {
    const known = await knownById(db, id);
    if (known === undefined || known.deletedAt !== null || !isSeen(user, known)) throw notFound();
    const tag = versionTag(known);
    if (expected !== undefined && !expected.some((each) => opaque(each) === opaque(tag)))
      throw new Refusal("version-mismatch", `Cannot change the user: its version is ${tag}`);
    return known;
  }

  /** Throws Refusal `uniqueness` where another living user has the name, or none and this as its primary address. */
  function refuseTaken(named: readonly KnownUser[], id: string | undefined): void {
    if (named.some(({ deletedAt, user }) => deletedAt === null && user.id !== id)) throw userNameTaken();
  }

  /** Of a create: the user who is back by it; undefined: somebody new. */
  async function returning(
    resource: Members,
    client: string,
    asker: Principal | null | undefined,
  ): Promise<KnownUser | undefined> {
    const { userName, externalId } = resource;
    const { named, assigned } = await find({
      userName: String(userName),
      client,
      externalId: typeof externalId === "string" ? externalId : undefined,
    });
    const inactive = assigned.find(
      (known) => known.deletedAt === null && !known.user.active && isSeen(asker, known),
    );
    refuseTaken(named, inactive?.user.id);
    if (inactive !== undefined) return inactive;
    return named.find((known) => {
      if (known.deletedAt === null || !isSeen(asker, known)) return false;
      const own = known.document?.client === client ? known.document.externalId : null;
      const isSame = own === null || externalId === undefined || own === externalId;
      return isSame && now() < restorableUntil(new Date(known.deletedAt), terms);
    });
  }

  async function told(ctx: WriteContext, { answer, said }: Written): Promise<ScimAnswer> {
    const document = said ?? (await knownById(db, answer.user.id))?.document;
    return answerOf({ ...answer, document }, { ...ctx.params, client: clientNameOf(ctx.meta.user) });
  }

  const orderOf = (known: KnownUser, wanted: Wanted): Order => ({
    id: known.user.id,
    ...wanted,
    ...(known.deletedAt === null ? {} : { restore: true as const }),
    expectedVersions: [known.user.version],
    expectedRevision: known.revision,
  });

  const changed = (
    ctx: ActionContext<"scim.replace" | "scim.patch">,
    action: ActionName,
    next: (known: KnownUser) => Members,
  ) =>
    provisioned(deps, ctx, action, async () => {
      const { id, expected } = ctx.params;
      const known = await livingUser(ctx.meta, id, expected);
      const resource = next(known);
      const wanted = stateWanted(known, resource, writerOf(ctx));
      const { userName } = wanted.user;
      if (userName !== null && userName !== known.user.userName)
        refuseTaken((await find({ userName })).named, known.user.id);
      return { order: orderOf(known, wanted), said: wanted.scim, isFixed: expected !== undefined };
    });

  return {
    async create(ctx: ActionContext<"scim.create">): Promise<ScimAnswer> {
      const writer = writerOf(ctx);
      const resource = resourceIn(userType, ctx.params.resource);
      const made = await provisioned(deps, ctx, "scim.create", async () => {
        const known = await returning(resource, writer.client, ctx.meta.user);
        // Whoever is made is in use, also who was not before.
        const wanted = stateWanted(known, { ...resource, active: resource.active ?? true }, writer);
        const order = known === undefined ? wanted : orderOf(known, wanted);
        return { order, said: wanted.scim, isFixed: false };
      });
      return { ...(await told(ctx, made)), created: true };
    },
    async get(ctx: ActionContext<"scim.get">): Promise<ScimAnswer> {
      const { id, ...shown } = ctx.params;
      const known = await livingUser(ctx.meta, id);
      return answerOf(known, { ...shown, client: clientNameOf(ctx.meta.user) });
    },
    async replace(ctx: ActionContext<"scim.replace">): Promise<ScimAnswer> {
      const resource = resourceIn(userType, ctx.params.resource);
      return told(ctx, await changed(ctx, "scim.replace", () => resource));
    },
    async patch(ctx: ActionContext<"scim.patch">): Promise<ScimAnswer> {
      const operations = operationsIn(ctx.params.patch);
      const client = clientNameOf(ctx.meta.user);
      const next = (known: KnownUser) => patched(userType, resourceOf(known, { client }), operations);
      return told(ctx, await changed(ctx, "scim.patch", next));
    },
    async remove(ctx: ActionContext<"scim.remove">): Promise<null> {
      const { id, expected } = ctx.params;
      if (!isUuid(id)) throw notFound();
      const request = { id: id.toLowerCase() };
      // A repeat of a key finds nobody any more, and gets its first answer.
      if (expected === undefined) return callAction(ctx, "users.remove", request);
      const known = await livingUser(ctx.meta, id, expected);
      return callAction(ctx, "users.remove", { ...request, expectedVersions: [known.user.version] });
    },
  };
}
