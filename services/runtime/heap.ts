/**
 * Promise: the heap is collected when it has grown by half over what is alive, however the process was started.
 *
 * What is alive is what was loaded, and stays as large as that (docs/performance.md). V8 lets a heap of this size grow
 * to several times of it, since that costs it less; node's options do not reach that choice, so it is made here.
 * It bounds when to collect, not how much there may be: a burst gets all the memory that it needs.
 */
import { setFlagsFromString } from "node:v8";

const growthPercent = 50;

setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
