import baseStyle from "./base.css" with { type: "text" };
import { CHAT_DOCUMENT, CHAT_FILES } from "./chat/chat_files.ts";
import library from "./chorus.js" with { type: "text" };
import { digestOf, ServedText, type TextKind } from "./served_text.ts";

/** The files that the documents refer to, by name. */
const FILES: Readonly<Record<string, string>> = {
  "base.css": baseStyle,
  "chorus.js": library,
  ...Object.fromEntries(Object.entries(CHAT_FILES).map(([name, text]) => [`chat/${name}`, text])),
};

/**
 * The folder of the files. Its name changes with their content, so browsers need not ask whether
 * their copies are current, and a module always imports modules of the same version.
 */
const FOLDER = `assets/${digestOf(JSON.stringify(FILES))}/`;

/** The folder's name in the documents. */
const FOLDER_IN_DOCUMENTS = "assets/DIGEST/";

interface Resource {
  readonly content: ServedText;
  readonly cacheControl: string;
  readonly isDocument?: boolean;
}

const REVALIDATE = "no-cache";
const IMMUTABLE = "public, max-age=31536000, immutable";

const RESOURCES: Readonly<Record<string, Resource>> = {
  "/": document(CHAT_DOCUMENT),
  ...Object.fromEntries(
    Object.entries(FILES).map(([name, text]) => {
      const content = new ServedText(text, name.split(".").at(-1) as TextKind);
      return [`/${FOLDER}${name}`, { content, cacheControl: IMMUTABLE }];
    }),
  ),
};

/** A request for a file of the page. */
export interface PageRequest {
  readonly path: string;
  /** The host and port that the client addressed. */
  readonly host: string;
  readonly headers: Headers;
}

/** Whether a path is one of the chat page's files. */
export function isPagePath(path: string): boolean {
  return Object.hasOwn(RESOURCES, path);
}

/**
 * Creates the response to a GET or HEAD request for a file of the page; 304 if a copy is current.
 */
export function servePage({ path, host, headers }: PageRequest): Response {
  const { content, cacheControl, isDocument } = RESOURCES[path]!;
  return content.respond({ headers }, {
    "cache-control": cacheControl,
    "referrer-policy": "no-referrer",
    ...(isDocument ? { "content-security-policy": contentSecurityPolicy(host) } : {}),
  });
}

function document(text: string): Resource {
  const content = new ServedText(text.replaceAll(FOLDER_IN_DOCUMENTS, FOLDER), "html");
  return { content, cacheControl: REVALIDATE, isDocument: true };
}

/**
 * Some browsers do not take `'self'` for the WebSockets of the same host. The scheme is that of the
 * page, which a proxy may have changed, so the policy names both.
 */
function contentSecurityPolicy(host: string): string {
  // A policy cannot name an IPv6 address, and must not contain what else a host may.
  const sockets = /^[\w.-]+(:\d+)?$/.test(host) ? ` ws://${host} wss://${host}` : "";
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}
