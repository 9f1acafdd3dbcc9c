/** Promise: one polite live region speaks; what was said last is said again only when it is said anew. */
import { storeOf } from "./store.ts";

export const spoken = storeOf("");

export function speak(text: string): void {
  // A region whose text stays the same is not read again.
  spoken.set(spoken.get() === text ? `${text}\u00a0` : text);
}
