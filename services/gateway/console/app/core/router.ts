/**
 * Where the browser is. A link below /console changes the page in place; a new tab, a download or another site stay
 * the browser's.
 */
import { type Place, placeAt } from "./routes.ts";
import { storeOf, useStore } from "./store.ts";

export interface Here extends Place {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Counts pages, not changes of a filter: the heading is focused when it grows. */
  readonly page: number;
}

let pages = 0;
function look(): Here {
  const { pathname, search } = window.location;
  return {
    ...placeAt(pathname),
    path: pathname,
    query: Object.fromEntries(new URLSearchParams(search)),
    page: pages,
  };
}

export const here = storeOf<Here>(look());
export const useHere = (): Here => useStore(here);

function arrive(): void {
  if (window.location.pathname !== here.get().path) pages += 1;
  here.set(look());
}

export function go(href: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace === true) window.history.replaceState(null, "", href);
  else window.history.pushState(null, "", href);
  const isOtherPage = window.location.pathname !== here.get().path;
  arrive();
  if (isOtherPage) window.scrollTo(0, 0);
}

/** Changes some parameters of this page; an empty one is taken away. */
export function filterBy(changed: Readonly<Record<string, string | undefined>>, replace = false): void {
  const query = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(changed)) {
    if (value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(`${window.location.pathname}${text === "" ? "" : `?${text}`}`, { replace });
}

function clicked(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || link.target !== "" || link.hasAttribute("download")) return;
  const url = new URL(link.href, window.location.href);
  if (url.origin !== window.location.origin || url.hash !== "") return;
  if (placeAt(url.pathname).screen === "nowhere") return;
  event.preventDefault();
  go(`${url.pathname}${url.search}`);
}

export function beginRouting(): void {
  window.addEventListener("popstate", arrive);
  document.addEventListener("click", clicked);
}
