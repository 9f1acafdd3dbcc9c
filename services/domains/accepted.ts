/** What is done with accepted domains, on the database alone. */
import { UniqueConstraintViolationException } from "@mikro-orm/core";
import { toUnicode } from "tr46";
import * as z from "zod";
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import type { ActionParams } from "../contracts/actions.ts";
import type { AcceptedDomain, DomainPage } from "../contracts/domains.ts";
import { Refusal } from "../contracts/errors.ts";
import { AcceptedDomainRow } from "./entities.ts";

const Cursor = z.tuple([z.string()]);

const shown = ({ domain, declaredAt, declaredBy }: AcceptedDomainRow): AcceptedDomain => ({
  domain,
  name: toUnicode(domain).domain,
  declaredAt: declaredAt.toISOString(),
  declaredBy,
});

const notAccepted = (domain: string): Refusal =>
  new Refusal("not-found", `Cannot find the domain: ${domain} is not declared`);

const findRow = (em: EntityManager, domain: string) =>
  em.findOne(AcceptedDomainRow, { domain, removedAt: null });

/** Throws Refusal `not-found`. */
export async function getDomain(db: Database, domain: string): Promise<AcceptedDomain> {
  const row = await db.read((em) => findRow(em, domain));
  if (row === null) throw notAccepted(domain);
  return shown(row);
}

/** In the order of their names; with `among` only these. */
export async function listDomains(
  db: Database,
  { cursor, limit }: ActionParams<"domains.list">,
  among?: readonly string[],
): Promise<DomainPage> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)[0];
  const where = {
    removedAt: null,
    $and: [
      ...(after === undefined ? [] : [{ domain: { $gt: after } }]),
      ...(among === undefined ? [] : [{ domain: { $in: [...among] } }]),
    ],
  };
  const rows = await db.read((em) =>
    em.find(AcceptedDomainRow, where, { orderBy: { domain: "asc" }, limit: limit + 1 }),
  );
  return page(rows.map(shown), limit, ({ domain }) => [domain]);
}

/** The one that is there already when it is accepted, also when somebody else was first by a moment. */
export async function declareDomain(
  db: Database,
  domain: string,
  { at, by }: { readonly at: Date; readonly by: string },
): Promise<AcceptedDomain & { created: boolean }> {
  try {
    return await db.transaction(async (em) => {
      const known = await findRow(em, domain);
      if (known !== null) return { ...shown(known), created: false };
      const row = em.create(AcceptedDomainRow, { domain, declaredAt: at, declaredBy: by });
      await em.persist(row).flush();
      return { ...shown(row), created: true };
    });
  } catch (error) {
    if (!(error instanceof UniqueConstraintViolationException)) throw error;
    return { ...(await getDomain(db, domain)), created: false };
  }
}

/** It stays on record that it was accepted, and who removed it. Throws Refusal `not-found`. */
export const removeDomain = (
  db: Database,
  domain: string,
  { at, by }: { readonly at: Date; readonly by: string },
): Promise<void> =>
  db.transaction(async (em) => {
    const row = await findRow(em, domain);
    if (row === null) throw notAccepted(domain);
    Object.assign(row, { removedAt: at, removedBy: by });
    await em.flush();
  });
