/** The name of a process where NODE_ID does not say it. */
import { existsSync } from "node:fs";

/** As Docker and Podman mark the containers that they run. */
const marks = ["/.dockerenv", "/run/.containerenv"] as const;

export const isInContainer = (): boolean => marks.some((path) => existsSync(path));

/**
 * The container's host name, which stays the same when it is restarted, for the one process that it is for (its first, or
 * the child of its init): others know one process that has come back, and not a dead one and a new one. Elsewhere several
 * processes share a host name.
 */
export const ownNodeId = (
  hostname: string,
  { pid, ppid }: { readonly pid: number; readonly ppid: number },
  inContainer: boolean,
): string => (inContainer && (pid === 1 || ppid === 1) ? hostname : `${hostname}-${pid}`);
