/** What `POST /users/checks` takes and tells, for whoever asks it without its schemas: a browser. No logic. */

/** With names and addresses of a usual length a request of so many is a third of what a body may have. */
export const checkedUsersMax = 100;

export const checkOutcomes = ["created", "unchanged", "changed", "suffixed", "refused"] as const;
