import { assertThrows } from "@std/assert";
import {
  checkLocalAddresses,
  LocalAddressError,
} from "../../../../lib/load/users/connection/local_address.ts";

Deno.test("checkLocalAddresses() accepts addresses of this machine", () => {
  checkLocalAddresses(["127.0.0.1", "127.0.0.2"]);
});

Deno.test("checkLocalAddresses() names an address that this machine does not have", () => {
  assertThrows(
    () => checkLocalAddresses(["127.0.0.1", "192.0.2.1"]),
    LocalAddressError,
    "Cannot connect from the address of --local-address, 192.0.2.1 (this machine does not have " +
      "it): choose an address of this machine",
  );
});
