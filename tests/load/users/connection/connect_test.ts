import { assert, assertEquals } from "@std/assert";
import {
  type Attempt,
  connect,
  type Target,
} from "../../../../lib/load/users/connection/connect.ts";
import { connectFailure } from "../../../../lib/load/users/connection/connect_failure.ts";
import { Heartbeat } from "../../../../lib/websocket/heartbeat.ts";
import { failureAt, targetAt } from "../attempt.ts";

/** A server that records who connects, by which name. */
function serve(tls: Partial<Deno.TlsCertifiedKeyPem> = {}) {
  const requests: { readonly from: string; readonly host: string | null }[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls as Deno.TlsCertifiedKeyPem },
    (request, { remoteAddr }) => {
      requests.push({
        from: (remoteAddr as Deno.NetAddr).hostname,
        host: request.headers.get("host"),
      });
      return Deno.upgradeWebSocket(request).response;
    },
  );
  return {
    port: server.addr.port,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Connects users one after the other, and disconnects them. */
async function connectUsers(target: Target, ids: readonly number[]): Promise<void> {
  using heartbeat = new Heartbeat(target.deadlines);
  for (const id of ids) {
    const attempt: Attempt = await connect(target, {
      user: { ...target, id },
      timeoutMs: 5000,
      signal: new AbortController().signal,
      clock: heartbeat,
      heartbeat,
      reading: "everything",
      onMessage: () => {},
    });
    assert("connection" in attempt, JSON.stringify(attempt));
    await attempt.connection.leave();
  }
}

Deno.test("connect() takes turns over the local addresses", async () => {
  await using server = serve();
  const target = targetAt(`ws://127.0.0.1:${server.port}/`);
  await connectUsers({ ...target, localAddresses: ["127.0.0.2", "127.0.0.3"] }, [1, 2, 3]);
  assertEquals(server.requests.map(({ from }) => from), ["127.0.0.3", "127.0.0.2", "127.0.0.3"]);
});

const LOOKUP = { addresses: [{ address: "127.0.0.1", family: 4 }], ms: 1 };

Deno.test("connect() uses the addresses that were looked up, and the name as Host", async () => {
  await using server = serve();
  const host = `name.invalid:${server.port}`;
  await connectUsers({ ...targetAt(`ws://${host}/`), lookup: LOOKUP }, [0]);
  const target = { ...targetAt(`ws://${host}/`), lookup: LOOKUP, localAddresses: ["127.0.0.2"] };
  await connectUsers(target, [0]);
  assertEquals(server.requests, [{ from: "127.0.0.1", host }, { from: "127.0.0.2", host }]);
});

Deno.test("connect() tries the next address if one refuses", async () => {
  await using server = serve();
  const first = { address: "127.0.0.9", family: 4 };
  const lookup = { ...LOOKUP, addresses: [first, ...LOOKUP.addresses] };
  await connectUsers({ ...targetAt(`ws://name.invalid:${server.port}/`), lookup }, [0, 1]);
  assertEquals(server.requests.length, 2);
});

Deno.test("connect() checks the certificate against the name that was looked up", async () => {
  const folder = new URL("certificates/", import.meta.url);
  const [cert, key, caCerts] = await Promise.all(
    ["good", "key", "ca"].map((name) => Deno.readTextFile(new URL(`${name}.pem`, folder))),
  );
  await using server = serve({ cert: cert!, key: key! });
  const host = `localhost:${server.port}`;
  const target = { ...targetAt(`wss://${host}/`), caCerts, lookup: LOOKUP };
  await connectUsers(target, [0]);
  await connectUsers({ ...target, localAddresses: ["127.0.0.2"] }, [0]);
  assertEquals(server.requests, [{ from: "127.0.0.1", host }, { from: "127.0.0.2", host }]);
});

Deno.test("connect() fails as the lookup of the name did", async () => {
  const url = "ws://name.invalid/";
  const failure = connectFailure(url, { code: "ENOTFOUND" });
  assertEquals(await failureAt({ ...targetAt(url), lookup: { failure } }), failure);
});

Deno.test("connect() names a local address from which it cannot reach the server", async () => {
  const url = "ws://127.0.0.1:8000/";
  assertEquals(await failureAt({ ...targetAt(url), localAddresses: ["::1"] }), {
    cause: "cannot reach the server from ::1",
    advice: `Cannot reach ${url} from ::1: choose another --local-address`,
  });
});
