/**
 * Whom the indexes know for a filter: a condition that only these can fit, for what identity providers ask before each
 * write (`eq` of userName, externalId, emails and id, alone or joined). Whether they fit decides evaluate.ts. Pure.
 */
import { userNameKey } from "../contracts/user.ts";
import type { AttributePath } from "./attributes.ts";
import type { Filter } from "./filter.ts";
import { addressKeysOf, isAskable } from "./read.ts";
import { isUuid } from "./values.ts";

export interface Candidates {
  readonly ids: readonly string[];
  /** Keys of userNames. */
  readonly userNames: readonly string[];
  readonly addressKeys: readonly string[];
  readonly externalIds: readonly string[];
}

const nobody: Candidates = { ids: [], userNames: [], addressKeys: [], externalIds: [] };

const looksUp: Readonly<Record<string, (text: string) => Partial<Candidates>>> = {
  id: (text) => (isUuid(text) ? { ids: [text] } : {}),
  // Of a user without one the primary address is it.
  userName: (text) => ({ userNames: [userNameKey(text)], addressKeys: addressKeysOf(text) }),
  externalId: (text) => ({ externalIds: [text] }),
  "emails.value": (text) => ({ addressKeys: addressKeysOf(text) }),
};

const union = (all: readonly Candidates[]): Candidates => ({
  ids: all.flatMap(({ ids }) => ids),
  userNames: all.flatMap(({ userNames }) => userNames),
  addressKeys: all.flatMap(({ addressKeys }) => addressKeys),
  externalIds: all.flatMap(({ externalIds }) => externalIds),
});

/** Any number of users may have one externalId; of all else one, or two, fit. */
const weight = ({ ids, userNames, addressKeys, externalIds }: Candidates): number =>
  externalIds.length * 1_000 + ids.length + userNames.length + addressKeys.length;

/** undefined: only a look at everybody tells. `within`: the attribute at whose values the filter's paths begin. */
export function candidatesOf(filter: Filter, within: AttributePath = []): Candidates | undefined {
  switch (filter.kind) {
    case "compare": {
      const { path, by, value } = filter;
      const lookUp = looksUp[[...within, ...path].map(({ name }) => name).join(".")];
      if (lookUp === undefined || by !== "eq" || typeof value !== "string") return undefined;
      return isAskable(value) ? { ...nobody, ...lookUp(value) } : nobody;
    }
    case "and": {
      const known = filter.all.map((each) => candidatesOf(each, within)).filter((each) => each !== undefined);
      return known.toSorted((one, other) => weight(one) - weight(other))[0];
    }
    case "or": {
      const known = filter.all.map((each) => candidatesOf(each, within));
      return known.every((each) => each !== undefined) ? union(known) : undefined;
    }
    case "has":
      return candidatesOf(filter.filter, filter.path);
    case "not":
    case "present":
      return undefined;
  }
}
