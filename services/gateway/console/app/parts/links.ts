/** Links to what has a page of its own: an address, a user, a request. */
import type { VNode } from "preact";
import { type Content, html } from "../core/html.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay } from "../core/session.ts";

/** May break before the @ and the dots behind it, so that it fits a telephone. */
export function addressText(of: string): Content {
  const split = of.lastIndexOf("@");
  return split < 0
    ? of
    : [
        of.slice(0, split),
        ...of
          .slice(split)
          .split(/(?=\.)/)
          .map((part) => html`<wbr />${part}`),
      ];
}

export function Address({ of, at }: { readonly of: string; readonly at?: string }): VNode {
  const text = addressText(of);
  // What the server has masked is no address that one could look at.
  if (of.includes("•") || !of.includes("@")) return html`<span class="address">${text}</span>`;
  return html`<a class="address" href=${hrefOf("address", of, { at })}>${text}</a>`;
}

/** Both ends: ids of one second begin alike. */
export const shortId = (id: string): string => (id.length > 13 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

export function RequestLink({ id }: { readonly id: string | null | undefined }): VNode {
  const mayTrace = useMay("trace:read");
  if (id === null || id === undefined) return html`<span class="quiet">–</span>`;
  if (!mayTrace) return html`<code title=${id}>${shortId(id)}</code>`;
  return html`<a href=${hrefOf("trace", id)} title=${id}><span class="unseen">request </span><code>${shortId(id)}</code></a>`;
}

export function UserLink({
  id,
  name,
}: {
  readonly id: string | null | undefined;
  readonly name?: string | undefined;
}): VNode {
  const maySee = useMay("users:read");
  if (id === null || id === undefined) return html`<span class="quiet">–</span>`;
  const text = name === undefined ? html`<code>${shortId(id)}</code>` : name;
  return maySee
    ? html`<a href=${hrefOf("user", id)} title=${id}>${text}</a>`
    : html`<span title=${id}>${text}</span>`;
}
