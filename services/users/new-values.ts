/**
 * What an edit brings to a user must be fit for a new one: an address that anybody may take, a name that can be seen.
 * What the user has stays as it is, also when nobody could take it today: a client that sends back what it has read
 * changes nothing. Pure.
 */
import { displayOf, objectionToNew } from "../contracts/address.ts";
import { type FieldError, Refusal } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import { objectionToText } from "../contracts/text.ts";
import type { UserFieldName } from "../contracts/user.ts";

type AddressField = "primarySmtp" | "secondarySmtps";
type PlainField = Exclude<UserFieldName, AddressField>;
type Fields = Pick<UserState, UserFieldName>;
type Edit = { readonly [F in UserFieldName]?: Readonly<Fields[F]> | undefined };

/** The rule of each field but addresses: why a value that the user does not have may not be new; undefined: it may. */
const objections: {
  readonly [F in PlainField]-?: (value: NonNullable<UserState[F]>) => string | undefined;
} = {
  displayName: objectionToText,
  externalId: objectionToText,
  active: () => undefined,
  userName: objectionToText,
};
export const plainFields = Object.keys(objections) as PlainField[];
type Objection = (value: unknown) => string | undefined;

/** As they are written: another spelling of an unfit address is a new one. */
const spellingsOf = (user: Pick<Fields, AddressField>): Set<string> =>
  new Set([user.primarySmtp, ...user.secondarySmtps].map(displayOf));

/** Throws Refusal `invalid-fields`, which names each field that is unfit. */
export function refuseUnfit(user: Fields, edit: Edit): void {
  const spellings = spellingsOf(user);
  const errors: FieldError[] = [];
  const check = (pointer: string, detail: string | undefined): void => {
    if (detail !== undefined) errors.push({ pointer, detail });
  };
  const checkAddress = (pointer: string, address: string): void =>
    check(pointer, spellings.has(displayOf(address)) ? undefined : objectionToNew(address));
  for (const field of plainFields) {
    const value = edit[field];
    if (value !== undefined && value !== null && value !== user[field])
      check(`#/${field}`, (objections[field] as Objection)(value));
  }
  if (edit.primarySmtp !== undefined) checkAddress("#/primarySmtp", edit.primarySmtp);
  for (const [index, address] of (edit.secondarySmtps ?? []).entries())
    checkAddress(`#/secondarySmtps/${index}`, address);
  if (errors.length > 0) throw new Refusal("invalid-fields", "The request has invalid fields", { errors });
}

/** For the registry, which refuses what may not be new: what is unfit has passed `refuseUnfit`, so the user has it. */
export const keptAsTheyAre = <A extends { readonly address: string }>(
  addresses: readonly A[],
): readonly (A & { readonly kept?: true })[] =>
  addresses.map((owned) => (objectionToNew(owned.address) === undefined ? owned : { ...owned, kept: true }));
