import {
  type ConfigOf,
  environmentName,
  type FlagTable,
  withVariable,
} from "../../cli/flags/flag.ts";
import { formatSizeBytes } from "../../cli/flags/size.ts";
import { isToken } from "../../websocket/http_head.ts";

/** A URL with a password would be logged. `C:/keys.json` is a file. */
function checkJwks(text: string): string | undefined {
  if (!/^(https?:|[a-z][a-z\d+.-]+:\/)/i.test(text)) return undefined;
  if (!/^https?:/i.test(text)) return "the path of a file, or an http or https URL";
  const url = URL.parse(text);
  if (!url || !/^https?:\/\//i.test(text)) {
    return "the path of a file, or a whole URL such as https://example.com/keys.json";
  }
  return url.username === "" && url.password === ""
    ? undefined
    : "a URL without a user and a password";
}

/** Who may use the chat, and who may administer it. */
export const ACCESS_FLAGS = {
  tokenSecretFile: {
    kind: "text",
    default: "",
    value: "FILE",
    isCommon: true,
    help: "Require tokens (JWT) signed with HS256 and a secret of this file, one per line",
  },
  tokenJwks: {
    kind: "text",
    default: "",
    value: "URL|FILE",
    check: checkJwks,
    help: "Require tokens signed with RS256, ES256, or EdDSA by a key of this set (JWKS)",
  },
  tokenAudience: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: "Audience that tokens must have (aud); without it, tokens must have none",
  },
  tokenIssuer: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: "Issuer that tokens must have (iss); without it, any",
  },
  tokenCookie: {
    kind: "text",
    default: "",
    value: "NAME",
    help: "Cookie to take the token from if a request has no other",
    check: (text) => isToken(text) ? undefined : "the name of a cookie",
  },
  anonymous: {
    kind: "choice",
    default: "none",
    choices: ["none", "read", "publish"],
    help: "What clients without a token may do, if tokens are required",
  },
  maxTokenBytes: {
    kind: "size",
    default: 4096,
    min: 256,
    max: 16 * 1024,
    help: "Maximum size of a token; a larger one gets 431",
  },
  adminTokenFile: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "File with the token of administrators; it enables the API under /admin",
  },
} as const satisfies FlagTable;

/** The flags of access, and those that they have to agree with. */
export interface AccessConfig extends ConfigOf<typeof ACCESS_FLAGS> {
  readonly allowOrigin: readonly string[];
  readonly engine: "direct" | "serve";
  readonly maxHeadBytes: number;
}

/** What the head of a request needs besides its token: its first line and the other headers. */
const MIN_REST_BYTES = 1024;

/** Reports values of these flags that are valid alone but not together; one line each. */
export function accessFaults(config: AccessConfig): readonly string[] {
  const { tokenSecretFile, tokenJwks, tokenCookie, maxTokenBytes, maxHeadBytes } = config;
  const secretFile = withVariable("--token-secret-file");
  const jwks = withVariable("--token-jwks");
  const hasKeys = tokenSecretFile !== "" || tokenJwks !== "";
  const faults: string[] = [];
  if (tokenSecretFile !== "" && tokenJwks !== "") {
    faults.push(
      `Cannot use ${secretFile} together with ${jwks}: choose one`,
    );
  }
  if (tokenCookie !== "" && config.allowOrigin.includes("*")) {
    faults.push(
      `Cannot use ${withVariable("--token-cookie")} with --allow-origin * ` +
        `(${environmentName("--allow-origin")}): pages of all sites could act as the user`,
    );
  }
  // With the serve engine, Deno limits the head.
  const hasHeadLimit = config.engine === "direct";
  const leastHeadBytes = maxTokenBytes + MIN_REST_BYTES;
  if (hasKeys && hasHeadLimit && maxHeadBytes < leastHeadBytes) {
    faults.push(
      `Cannot use ${withVariable("--max-token-bytes")} ${formatSizeBytes(maxTokenBytes)} with ` +
        `${withVariable("--max-head-bytes")} ${formatSizeBytes(maxHeadBytes)}: the head contains ` +
        `the token, so it must be at least ${formatSizeBytes(MIN_REST_BYTES)} larger, which is ` +
        formatSizeBytes(leastHeadBytes),
    );
  }
  return faults;
}
