/** Who is signed in and what they may do. What is shown goes by it; the gateway decides. */
import type { Scope } from "../../../../contracts/access.ts";
import type { Role } from "../../../../contracts/roles.ts";
import { ask, ProblemAnswer } from "./api.ts";
import { storeOf, useStore } from "./store.ts";

export interface Session {
  readonly signedIn: boolean;
  readonly name: string | null;
  readonly roles: readonly Role[];
  readonly scopes: readonly Scope[];
  readonly via: string | null;
  readonly banner: string | null;
  /** How one may sign in here: `key`, or an identity provider by its alias. */
  readonly ways: readonly string[];
}

const nobody: Session = {
  signedIn: false,
  name: null,
  roles: [],
  scopes: [],
  via: null,
  banner: null,
  ways: [],
};

/** undefined: not asked yet. */
export const session = storeOf<Session | undefined>(undefined);
/** It has ended while a page was open: what is on it stays, and signing in happens in another window. */
export const hasEnded = storeOf(false);
export const sessionFault = storeOf<ProblemAnswer | undefined>(undefined);

export const useSession = (): Session => useStore(session) ?? nobody;

export async function lookAtSession(): Promise<void> {
  try {
    const { data } = await ask<Session>("/session");
    sessionFault.set(undefined);
    const before = session.get();
    if (before?.signedIn === true && !data.signedIn) {
      hasEnded.set(true);
      return;
    }
    session.set({ ...nobody, ...data });
    hasEnded.set(false);
  } catch (error) {
    if (error instanceof ProblemAnswer) sessionFault.set(error);
  }
}

/** Every 401 of the API ends here. */
export function endSession(): void {
  if (session.get()?.signedIn === true) hasEnded.set(true);
  else void lookAtSession();
}

export const may = ({ scopes }: Session, scope: Scope): boolean => scopes.includes(scope);
export const useMay = (scope: Scope): boolean => may(useSession(), scope);

export async function signInByKey(key: string): Promise<void> {
  await ask("/session/key", { method: "POST", body: { key } });
  await lookAtSession();
}

/** Resolves with where the identity provider asks for the password. */
export async function signInByProvider(way: string, returnTo: string): Promise<string> {
  const { data } = await ask<{ url?: string; location?: string }>("/session/login", {
    method: "POST",
    body: way === "oidc" ? { returnTo } : { returnTo, issuer: way },
  });
  return data.url ?? data.location ?? "/console";
}

export async function signOut(): Promise<string | undefined> {
  const { data } = await ask<{ url?: string } | undefined>("/session/logout", { method: "POST" });
  return data?.url;
}
