/** The roles, and how long their keys live. Browsers have it too: no schemas. */

/** What somebody is given; a key or a person may have several. */
export const roles = [
  "lookup",
  "viewer",
  "provisioner",
  "helpdesk",
  "mail-admin",
  "auditor",
  "operator",
  "owner",
] as const;
export type Role = (typeof roles)[number];

/** What each role is for, as documents tell it. */
export const roleTexts: Readonly<Record<Role, string>> = {
  lookup: "Asks who holds an address now: mail servers",
  viewer: "Reads addresses with their past, and users, and searches",
  provisioner: "Creates, changes, deletes and restores users whole: HR systems and identity providers",
  helpdesk: "A viewer who writes users, and deletes none",
  "mail-admin": "Helpdesk that deletes, restores, releases addresses, declares domains and reads traces",
  auditor: "A viewer who reads the audit log, the activity and traces, and takes data out",
  operator: "Looks after the system and sees no directory: status, dead letters, reconciliation, log levels",
  owner: "May do everything, and gives keys",
};

/** How long a key lives when nobody says so, by its role, and how long at most; in days. */
export const keyDays = { default: 90, provisioner: 365, max: 400 } as const;

export const keyDaysOf = (role: Role): number =>
  role === "provisioner" ? keyDays.provisioner : keyDays.default;
