/** What users refuses, as a client of SCIM is to hear it: the attribute's word, and when an address will be free. */
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { addressKey } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import { scimRefusal } from "../contracts/scim.ts";
import { freedAt, freedBefore, type Terms } from "../contracts/terms.ts";
import type { FieldConflict } from "../contracts/user.ts";
import { deletedKeys } from "./sql.ts";

export interface RefusalDeps {
  readonly db: Database;
  readonly terms: Terms;
  readonly now: () => Date;
}

type AddressConflict = Extract<FieldConflict, { address: string }>;

/** When the addresses whose users were deleted will be anybody's, by our own guard, by key. */
async function freeTimes(
  { db, terms, now }: RefusalDeps,
  keys: readonly string[],
): Promise<Map<string, Date>> {
  const freed = freedBefore(now(), terms);
  const rows = await db.read((em) => run(em, deletedKeys(keys, freed)));
  return new Map(rows.map(({ key, deletedAt }) => [key, freedAt(deletedAt, terms)]));
}

/** Our own guard knows of a deletion before the registry does. */
function whyNot({ status }: AddressConflict, freeAt: Date | undefined): string {
  if (freeAt !== undefined) return `a deleted user had it, for whom it is kept until ${freeAt.toISOString()}`;
  if (status === "blocked") return "nobody can have it";
  if (status === "reserved") return "somebody is about to get it";
  if (status === "active") return "another user has it";
  return "a deleted user had it, for whom it is kept";
}

async function addressesTaken(deps: RefusalDeps, conflicts: readonly AddressConflict[]): Promise<Refusal> {
  const free = await freeTimes(
    deps,
    conflicts.map(({ address }) => addressKey(address)),
  );
  const told = conflicts.map(
    (conflict) =>
      `${conflict.address} is not available: ${whyNot(conflict, free.get(addressKey(conflict.address)))}`,
  );
  return scimRefusal("uniqueness", told.join("; "), "address-taken");
}

/** The error to throw instead; what is no refusal of a value stays as it is. */
export async function asScimRefusal(deps: RefusalDeps, error: unknown): Promise<unknown> {
  if (!(error instanceof Refusal) || error.data.scimType !== undefined) return error;
  const { errors = [] } = error.data;
  if (error.type === "address-taken") {
    const conflicts = errors.flatMap(({ conflict }) =>
      conflict !== undefined && "address" in conflict ? [conflict] : [],
    );
    return addressesTaken(deps, conflicts);
  }
  if (error.type === "user-name-taken") return userNameTaken();
  if (error.type !== "invalid-fields") return error;
  const told = errors.map(({ pointer, detail }) => `${pointer.replace(/^#\/?/, "")} ${detail}`.trim());
  return scimRefusal("invalidValue", told.join("; ") || error.message);
}

export const userNameTaken = (): Refusal =>
  scimRefusal("uniqueness", "userName is not available: another user has it", "user-name-taken");
