import { errorMessage } from "../../../cli/error_message.ts";

/** Connections cannot be made from an address of `--local-address`. */
export class LocalAddressError extends Error {
  override readonly name = "LocalAddressError";
}

/**
 * Checks that this machine has the addresses, by listening on a free port of each for a moment.
 *
 * @throws {LocalAddressError} If it does not have one of them.
 */
export function checkLocalAddresses(addresses: readonly string[]): void {
  for (const hostname of addresses) {
    try {
      Deno.listen({ hostname, port: 0 }).close();
    } catch (cause) {
      const reason = cause instanceof Deno.errors.AddrNotAvailable
        ? "this machine does not have it"
        : errorMessage(cause);
      const message =
        `Cannot connect from the address of --local-address, ${hostname} (${reason}): ` +
        "choose an address of this machine";
      throw new LocalAddressError(message, { cause });
    }
  }
}
