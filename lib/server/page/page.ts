import baseStyle from "./base.css" with { type: "text" };
import { CHAT_DOCUMENT, CHAT_FILES } from "./chat/chat_files.ts";
import clientLibrary from "./chorus.js" with { type: "text" };
import docsStyle from "./docs/docs.css" with { type: "text" };
import docsScript from "./docs/docs.js" with { type: "text" };
import { once } from "./once.ts";
import { digestOf, ServedText, type TextKind } from "./served_text.ts";

/** The path of the client library for programs and other pages. */
export const CLIENT_LIBRARY_PATH = "/chorus.js";

/** The files that the documents refer to, by name. */
const FILES: Readonly<Record<string, string>> = {
  "base.css": baseStyle,
  "chorus.js": clientLibrary,
  "docs.css": docsStyle,
  "docs.js": docsScript,
  ...Object.fromEntries(Object.entries(CHAT_FILES).map(([name, text]) => [`chat/${name}`, text])),
};

/**
 * The folder of the files. Its name changes with their content, so browsers need not ask whether
 * their copies are current, and a module always imports modules of the same version.
 */
const FOLDER = `assets/${digestOf(JSON.stringify(FILES))}/`;

/** The folder's name in the templates of the documents. */
const FOLDER_IN_TEMPLATES = "assets/DIGEST/";

/** The files, by path. */
const ASSETS: Readonly<Record<string, ServedText>> = Object.fromEntries(
  Object.entries(FILES).map(([name, text]) => {
    const kind = name.slice(name.lastIndexOf(".") + 1) as TextKind;
    return [`/${FOLDER}${name}`, new ServedText(text, kind)];
  }),
);

/** The documents, by path. Each is made when the first client asks for it. */
const DOCUMENTS: Readonly<Record<string, () => Promise<ServedText>>> = {
  "/": once(() => Promise.resolve(new ServedText(withFolder(CHAT_DOCUMENT), "html"))),
  "/docs": once(async () => {
    const { renderDocs } = await import("./docs.ts");
    return new ServedText(await renderDocs(withFolder), "html");
  }),
};

/** Browsers ask each time whether their copy is current. */
const REVALIDATE = "no-cache";

/** Browsers never ask again. */
const IMMUTABLE = "public, max-age=31536000, immutable";

/** A request for a file of the page. */
export interface PageRequest {
  readonly path: string;
  /** The host and port that the client addressed. */
  readonly host: string;
  readonly headers: Headers;
}

/** Whether a path is one of the chat page's files. */
export function isPagePath(path: string): boolean {
  return path === CLIENT_LIBRARY_PATH || Object.hasOwn(ASSETS, path) ||
    Object.hasOwn(DOCUMENTS, path);
}

/**
 * Creates the response to a GET or HEAD request for a file of the page; 304 if a copy is current.
 */
export async function servePage(request: PageRequest): Promise<Response> {
  const { path, host } = request;
  if (Object.hasOwn(ASSETS, path)) {
    return ASSETS[path]!.respond(request, { "cache-control": IMMUTABLE });
  }
  if (path === CLIENT_LIBRARY_PATH) {
    return ASSETS[`/${FOLDER}chorus.js`]!.respond(request, { "cache-control": REVALIDATE });
  }
  const document = await DOCUMENTS[path]!();
  return document.respond(request, {
    "cache-control": REVALIDATE,
    "content-security-policy": contentSecurityPolicy(host),
    "referrer-policy": "no-referrer",
  });
}

/** Makes a document refer to the folder of the files. */
function withFolder(template: string): string {
  return template.replaceAll(FOLDER_IN_TEMPLATES, FOLDER);
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
