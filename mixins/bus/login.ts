/** Promise: what a process publishes carries the name that it has logged in under, and no other. */
import { userOf } from "../../services/contracts/peers.ts";

/**
 * The property with which RabbitMQ vouches for who has sent a message: it closes the channel of whoever names another
 * user than it has logged in as. Nothing for a URL that names none.
 */
export function signedBy(amqpUrl: string): { readonly userId?: string } {
  const userId = userOf(amqpUrl);
  return userId === undefined ? {} : { userId };
}
