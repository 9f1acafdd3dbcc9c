/**
 * What an id is the id of. Only looking tells: a user, a request, an event, a dead letter.
 *
 * Promise: what has one meaning leads there at once; what has several is a choice; what has none says where was looked.
 */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.ts";
import { type Meaning, meaningsOf, requestMeant } from "../core/meanings.ts";
import { go, useHere } from "../core/router.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay, useSession } from "../core/session.ts";
import { typedAs } from "../core/typed.ts";
import { Page } from "../parts/page.ts";
import { Empty, Loading } from "../parts/states.ts";

/** An id has a figure in it; a word without one is rather a name. */
const looksLikeId = (text: string): boolean => /\d/.test(text);

function Nothing({ isRequest }: { readonly isRequest: boolean }): VNode {
  const mayActivity = useMay("activity:read");
  const looked = "Here was looked, as far as your role goes:";
  if (!isRequest) return html`<${Empty} title="Nothing has this id or name">${looked}</${Empty}>`;
  return html`<${Empty} title="A request with this id has written nothing">
    It was refused, only read, or is older than is kept. Repeat it, and its answer says which.${
      mayActivity
        ? html` Refusals of rights, and who read what, are in the <a href=${hrefOf("activity")}>activity</a>.`
        : null
    } ${looked}
  </${Empty}>`;
}

export function Find(): VNode {
  const { query } = useHere();
  const session = useSession();
  const text = query.q ?? "";
  const [seen, setSeen] = useState<
    { readonly of: string; readonly meanings: readonly Meaning[] } | undefined
  >();
  useEffect(() => {
    const abort = new AbortController();
    void meaningsOf(typedAs(text), session, abort.signal).then((meanings) => {
      if (abort.signal.aborted) return;
      const hits = meanings.filter(({ href }) => href !== undefined);
      if (hits.length === 1) go(hits[0]?.href ?? hrefOf("home"), { replace: true });
      else setSeen({ of: text, meanings });
    });
    return () => abort.abort();
  }, [text, session]);
  const meanings = seen?.of === text ? seen.meanings : undefined;
  if (meanings === undefined) return html`<${Page} title="Find"><${Loading} what="what this is" /></${Page}>`;
  const hits = meanings.filter(({ href }) => href !== undefined);
  return html`<${Page} title="Find" heading=${html`Find <q>${text}</q>`}>
    ${
      hits.length === 0
        ? html`<${Nothing} isRequest=${looksLikeId(text) && meanings.some(({ what, isNone }) => what === requestMeant && isNone)} />`
        : html`<p>It is several things:</p>`
    }
    <ul class="plain">
      ${meanings.map(
        ({ what, href, why }) => html`<li>
          ${href === undefined ? html`<span aria-hidden="true">○</span> ${what}: <span class="quiet">${why}</span>` : html`<a href=${href}>${what}</a>`}
        </li>`,
      )}
    </ul>
  </${Page}>`;
}
