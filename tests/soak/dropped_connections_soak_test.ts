import { dropConnections } from "../socket/dropped_connections.ts";

Deno.test("5,000 connections dropped at once leave nothing behind", async () => {
  await dropConnections(5000, { checkFiles: true });
});
