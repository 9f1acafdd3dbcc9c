/** A row's wish, read by the contract itself, so that no request is spent on what can be no user. */

import type { WishReader } from "../../../mixins/import/judge.ts";
import { fieldMessage } from "../../../mixins/moleculer/field-messages.ts";
import { fieldErrors } from "../../../mixins/moleculer/validation.ts";
import { addressKey } from "../../contracts/address.ts";
import { WantedUser } from "../../contracts/user-checks.ts";

export const contractWishes: WishReader = {
  read(wanted) {
    const { success, data, error } = WantedUser.safeParse(wanted, { error: fieldMessage });
    if (success) return { user: data };
    return { reasons: fieldErrors(error).map(({ pointer, detail }) => ({ pointer, detail })) };
  },
  keyOf: addressKey,
};
