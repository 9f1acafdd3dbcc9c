/** What users and smtp-registry say to each other about addresses before the event of a write is there. */
import * as z from "zod";
import { AddressKind, AddressStatus, ReservedAddress, secondarySmtpsMax, UserId } from "./user.ts";

/** As many as are asked for at once when a check has many users. */
export const askedAddressesMax = 500;

export const TakenQuery = z.strictObject({ keys: z.array(z.string()).max(askedAddressesMax) });

/** What stands against a conflict key, by the registry; of one that anybody may take there is none. */
export const TakenAddress = z.object({
  key: z.string(),
  status: AddressStatus,
  userId: UserId.nullable(),
});
export type TakenAddress = z.infer<typeof TakenAddress>;

/** As many as the registry asks about at once. */
const heldKeysMax = 500;

export const ReserveAddresses = z
  .strictObject({
    reservationId: z
      .string()
      .min(1)
      .max(128)
      .meta({ description: "Repeating a reservation gives the same answer" }),
    userId: UserId,
    addresses: z
      .array(ReservedAddress)
      .min(1)
      .max(secondarySmtpsMax + 2),
    onTaken: z.enum(["suffix", "suffix-primary", "refuse"]).meta({
      description: "Which taken addresses get a suffix; when another one is taken nothing is reserved",
    }),
    alsoTaken: z
      .array(z.string())
      .max(secondarySmtpsMax + 2)
      .optional()
      .meta({
        description:
          "Conflict keys that the caller knows to be taken although their event is still on its way",
      }),
  })
  .meta({ id: "ReserveAddresses" });
export type ReserveAddresses = z.infer<typeof ReserveAddresses>;

export const Reservation = z
  .object({
    reservationId: z.string(),
    expiresAt: z.iso.datetime(),
    addresses: z.array(
      z.object({
        requested: z.string(),
        assigned: z.string(),
        kind: AddressKind,
        reason: AddressStatus.optional().meta({
          description: "Status of the requested address when another was assigned",
        }),
      }),
    ),
  })
  .meta({ id: "Reservation" });
export type Reservation = z.infer<typeof Reservation>;

export const ReleaseReservation = z.strictObject({
  reservationId: z.string().min(1).max(128),
  userId: UserId,
  alsoTaken: z
    .array(z.string())
    .max(secondarySmtpsMax + 2)
    .optional()
    .meta({
      description: "Conflict keys that turned out to be another user's: their holds stay for that one",
    }),
});

export const HoldersQuery = z.strictObject({ keys: z.array(z.string()).max(heldKeysMax) });

/** Who has a conflict key by the users' own guard: a user that lives, or a deleted one whose terms are not over. */
export const HeldKey = z.object({ key: z.string(), userId: UserId, address: z.string(), kind: AddressKind });
export type HeldKey = z.infer<typeof HeldKey>;
