/** How many places of this page show what could not be read again: the title of the tab says so. */
import { storeOf } from "./store.ts";

export const stalePlaces = storeOf(0);
