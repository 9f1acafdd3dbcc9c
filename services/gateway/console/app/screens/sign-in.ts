/** Signing in: at an identity provider, or with an access key where there is none. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { asProblem, type ProblemAnswer } from "../core/api.ts";
import { html } from "../core/html.ts";
import { go, useHere } from "../core/router.ts";
import { hrefOf } from "../core/routes.ts";
import { type Session, signInByKey, signInByProvider } from "../core/session.ts";
import { Page } from "../parts/page.ts";
import { FaultNote } from "../parts/states.ts";

function KeyForm({ onFault }: { readonly onFault: (problem: ProblemAnswer | undefined) => void }): VNode {
  const { screen } = useHere();
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (key.trim() === "") return;
    setBusy(true);
    try {
      await signInByKey(key.trim());
      if (screen === "signIn") go(hrefOf("home"), { replace: true });
    } catch (error) {
      onFault(asProblem(error));
    } finally {
      setKey("");
      setBusy(false);
    }
  };
  return html`<form onSubmit=${(event: Event) => void send(event)}>
    <label>Access key
      <input type="password" autocomplete="off" spellcheck=${false} value=${key} onInput=${(event: InputEvent) => setKey((event.target as HTMLInputElement).value)} />
    </label>
    <p class="quiet">It is kept in the session, sealed, and never in this browser's storage.</p>
    <p class="actions"><button type="submit" class="primary" disabled=${isBusy}>Sign in with the key</button></p>
  </form>`;
}

export function SignInPage({ of }: { readonly of: Session }): VNode {
  const [problem, setProblem] = useState<ProblemAnswer | undefined>(undefined);
  const providers = of.ways.filter((way) => way !== "key");
  const leave = async (way: string): Promise<void> => {
    try {
      const { pathname, search } = window.location;
      const isHere = pathname === hrefOf("signIn");
      window.location.assign(await signInByProvider(way, isHere ? hrefOf("home") : `${pathname}${search}`));
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return html`<main class="sign-in">
    <p class="brand">mailroster</p>
    <${Page} title="Sign in" />
    ${problem === undefined ? null : html`<${FaultNote} problem=${problem} />`}
    ${providers.map(
      (way) => html`<p><button type="button" class="primary" onClick=${() => void leave(way)}>
        Sign in with ${way === "oidc" ? "your account" : way}
      </button></p>`,
    )}
    ${of.ways.includes("key") ? html`<${KeyForm} onFault=${setProblem} />` : null}
    ${of.ways.length === 0 ? html`<p class="note bad"><span aria-hidden="true">✕</span> Nobody can sign in here: ${of.banner ?? "no way to do so is configured"}.</p>` : null}
  </main>`;
}
