/** Whether this device has a network. That it has one says nothing of the gateway. */
import { storeOf } from "./store.ts";

export const isOnline = storeOf(window.navigator.onLine);

export function beginOnline(): void {
  for (const name of ["online", "offline"])
    window.addEventListener(name, () => isOnline.set(window.navigator.onLine));
}
