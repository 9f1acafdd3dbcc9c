/** Examples of what is told of an address, out of the same life as examples.ts. */
import type { AddressHistoryPage, AddressInfo } from "../../contracts/look-up.ts";
import type { Recipient } from "../../contracts/recipients.ts";
import { user } from "./examples.ts";

const { id: userId, primarySmtp: address, createdAt, updatedAt } = user;
export const addressInfo: AddressInfo = {
  address,
  status: "active",
  userId,
  kind: "primary",
  since: updatedAt,
  until: null,
};
export const recipient: Recipient = {
  address,
  primary: address,
  kind: "primary",
  login: address,
  active: true,
  deliver: "accept",
  smtp: "250 2.1.5 Recipient ok",
};
const formerId = "01987c20-1a2b-7d4e-8f60-5a4b3c2d1e0f";
export const addressHistoryPage: AddressHistoryPage = {
  items: [
    { userId, version: 2, address, kind: "primary", status: "active", from: updatedAt, until: null },
    {
      userId: formerId,
      version: 1,
      address,
      kind: "secondary",
      status: "active",
      from: "2024-05-06T07:08:09.000Z",
      until: createdAt,
    },
  ],
  nextCursor: null,
};
export const releaseReason = { reason: "Ann Chen left for good and her successor takes over, ticket 4712" };
