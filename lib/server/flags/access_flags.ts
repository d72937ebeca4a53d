import {
  type ConfigOf,
  environmentName,
  type FlagTable,
  withVariable,
} from "../../cli/flags/flag.ts";
import { isToken } from "../../websocket/http_head.ts";

/** A URL with a password would be logged. */
function checkJwks(text: string): string | undefined {
  if (!/^https?:/i.test(text)) return undefined;
  const url = URL.parse(text);
  return url && url.username === "" && url.password === ""
    ? undefined
    : "a file, or a URL without a user";
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

/** Reports values of these flags that are valid alone but not together; one line each. */
export function accessFaults(
  config: ConfigOf<typeof ACCESS_FLAGS> & { readonly allowOrigin: readonly string[] },
): readonly string[] {
  const { tokenSecretFile, tokenJwks, tokenAudience, tokenIssuer, tokenCookie } = config;
  const secretFile = withVariable("--token-secret-file");
  const jwks = withVariable("--token-jwks");
  const faults: string[] = [];
  const hasKeys = tokenSecretFile !== "" || tokenJwks !== "";
  if (tokenSecretFile !== "" && tokenJwks !== "") {
    faults.push(
      `Cannot use ${secretFile} together with ${jwks}: choose one`,
    );
  }
  const dependent = [
    ["--token-audience", tokenAudience !== ""],
    ["--token-issuer", tokenIssuer !== ""],
    ["--token-cookie", tokenCookie !== ""],
    ["--anonymous", config.anonymous !== ACCESS_FLAGS.anonymous.default],
  ] as const;
  for (const [name, isGiven] of dependent) {
    if (!isGiven || hasKeys) continue;
    faults.push(
      `Cannot use ${withVariable(name)} without ${secretFile} or ${jwks}: neither is set`,
    );
  }
  if (tokenCookie !== "" && config.allowOrigin.includes("*")) {
    faults.push(
      `Cannot use ${withVariable("--token-cookie")} with --allow-origin * ` +
        `(${environmentName("--allow-origin")}): pages of all sites could act as the user`,
    );
  }
  return faults;
}
