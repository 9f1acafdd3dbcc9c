/** Who has signed in to the console, as the gateway tells it and keeps it in a cookie. No logic. */
import * as z from "zod";
import { RoleName, Scope, ways } from "./access.ts";

/** What the console says of itself with every request; `poll`: nobody is at the keyboard for this one. */
export const consoleHeader = "x-mailroster-console";

/** How long a session lasts. */
export const sessionTerms = { idleMinutes: 30, hours: 8, signInMinutes: 10 } as const;

/** What signs somebody in beside the identity provider, which is named by its alias. */
export const keyWay = "key";

export const SessionState = z
  .object({
    signedIn: z.boolean(),
    name: z.string().nullable().meta({ description: "For people; who stands in the audit log is id" }),
    id: z.string().nullable(),
    roles: z.array(RoleName),
    scopes: z.array(Scope).meta({ description: "All that may be done with this session" }),
    domains: z.array(z.string()).nullable().meta({ description: "null: every domain" }),
    via: z.enum(ways).nullable(),
    endsAt: z.iso
      .datetime()
      .nullable()
      .meta({ description: "At the latest; null: it does not end by itself" }),
    banner: z.string().nullable().meta({ description: "What whoever looks at the console must know" }),
    ways: z.array(z.string()).meta({
      description:
        "How one may sign in here: key, or the alias of an identity provider; none: one can't, or need not",
    }),
  })
  .meta({ id: "SessionState" });
export type SessionState = z.infer<typeof SessionState>;

const keyCharsMax = 200;
export const SignInByKey = z.strictObject({ key: z.string().max(keyCharsMax) }).meta({ id: "SignInByKey" });

const pathCharsMax = 2_000;
export const SignInByProvider = z
  .strictObject({
    returnTo: z
      .string()
      .max(pathCharsMax)
      .regex(/^\/console(?:[/?#][\x21-\x5b\x5d-\x7e]*)?$/, "must be a path of the console")
      .default("/console")
      .meta({ description: "Where to be afterwards" }),
    issuer: z.string().optional().meta({ description: "Its alias; absent: the one that there is" }),
  })
  .meta({ id: "SignInByProvider" });

/** Why somebody who came back from the identity provider has not signed in, as the console is told it (`?sign-in=`). */
export type SignInFault = "refused" | "no-role" | "unavailable";

export const SignInPlace = z
  .object({ url: z.string().meta({ description: "Where the browser is to go" }) })
  .meta({ id: "SignInPlace" });
export const SignedOut = z
  .object({
    url: z
      .string()
      .optional()
      .meta({ description: "Where the session of the identity provider is ended, too" }),
  })
  .meta({ id: "SignedOut" });

/** As it is sealed into the cookie. */
export const SealedSession = z.object({
  sid: z.string(),
  name: z.string(),
  /** Milliseconds: when it began, and when somebody was last at the keyboard. */
  beganAt: z.number(),
  activeAt: z.number(),
  by: z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("key"),
      id: z.string(),
      name: z.string().optional(),
      role: RoleName,
      domains: z.array(z.string()).optional(),
      expiresAt: z.number(),
    }),
    z.object({
      kind: z.literal("oidc"),
      issuer: z.string(),
      /** Those that say who this is and what it may do. */
      claims: z.record(z.string(), z.unknown()),
    }),
  ]),
});
export type SealedSession = z.infer<typeof SealedSession>;
