import { assertEquals, assertRejects } from "@std/assert";
import {
  readTlsFiles,
  TlsFileError,
  validityWarning,
} from "../../../lib/server/security/tls_files.ts";

const CERTS = new URL("../../socket/", import.meta.url);

function read(name: string): string {
  const folder = /encrypted|secp256k1/.test(name) ? import.meta.url : CERTS;
  return Deno.readTextFileSync(new URL(`${name}.pem`, folder));
}

const CERT = read("tls_cert");
const KEY = read("tls_key");
const OTHER_CERT = read("tls_other_cert");
const OTHER_KEY = read("tls_other_key");

/** Writes both files, and calls `readTlsFiles()`. */
async function readFiles(cert: string, key: string) {
  const folder = await Deno.makeTempDir();
  const paths = { tlsCert: `${folder}/C`, tlsKey: `${folder}/K` };
  try {
    await Deno.writeTextFile(paths.tlsCert, cert);
    await Deno.writeTextFile(paths.tlsKey, key);
    return await readTlsFiles(paths);
  } catch (error) {
    if (error instanceof TlsFileError) error.message = error.message.replaceAll(`${folder}/`, "");
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const GOOD: readonly [name: string, cert: string, key: string][] = [
  ["a certificate and its key", CERT, KEY],
  ["a chain", CERT + OTHER_CERT, KEY],
  ["text between the certificates", `Subject: a\n${CERT}\nSubject: b\n${OTHER_CERT}`, KEY],
  ["both in one file", CERT + KEY, CERT + KEY],
  ["lines that end with CRLF", CERT.replaceAll("\n", "\r\n"), KEY.replaceAll("\n", "\r\n")],
];

for (const [name, cert, key] of GOOD) {
  Deno.test(`readTlsFiles() accepts ${name}`, async () => {
    assertEquals(await readFiles(cert, key), { cert, key });
  });
}

const damaged = (pem: string) => pem.replace(/\n.{20}/, "\n" + "A".repeat(20));

const BAD: readonly [name: string, cert: string, key: string, message: string][] = [
  ["another key", CERT, OTHER_KEY, "Cannot use --tls-key K: it is not the key of --tls-cert C"],
  [
    "an encrypted key",
    CERT,
    read("tls_encrypted_key"),
    "Cannot use --tls-key K: it is encrypted; decrypt it with `openssl pkey -in K -out plain.pem`",
  ],
  [
    "an encrypted key of the traditional format",
    CERT,
    KEY.replaceAll("PRIVATE", "EC PRIVATE").replace(/\n/, "\nProc-Type: 4,ENCRYPTED\n\n"),
    "Cannot use --tls-key K: it is encrypted; decrypt it with `openssl pkey -in K -out plain.pem`",
  ],
  [
    "a certificate as the key",
    CERT,
    CERT,
    "Cannot use --tls-key K: it contains no private key in PEM, but a certificate",
  ],
  [
    "swapped files",
    KEY,
    CERT,
    "Cannot use --tls-cert C: it contains no certificate in PEM, but a private key",
  ],
  [
    "a host name as the certificate",
    "example.com\n",
    KEY,
    "Cannot use --tls-cert C: it contains no certificate in PEM",
  ],
  ["an empty certificate", "", KEY, "Cannot use --tls-cert C: it contains no certificate in PEM"],
  ["an empty key", CERT, "", "Cannot use --tls-key K: it contains no private key in PEM"],
  [
    "a certificate without its end",
    CERT.slice(0, -30),
    KEY,
    "Cannot use --tls-cert C: it contains no certificate in PEM",
  ],
  [
    "a damaged certificate",
    damaged(CERT),
    KEY,
    "Cannot use --tls-cert C: its certificate 1 is damaged: ",
  ],
  [
    "a damaged intermediate certificate",
    CERT + damaged(OTHER_CERT),
    KEY,
    "Cannot use --tls-cert C: its certificate 2 is damaged: ",
  ],
  ["a damaged key", CERT, damaged(KEY), "Cannot use --tls-key K: it is damaged: "],
  [
    "a chain in the wrong order",
    OTHER_CERT + CERT,
    KEY,
    "Cannot use --tls-cert C: the server's certificate must be the first, not number 2",
  ],
  [
    "a kind of key that Deno does not support",
    read("tls_secp256k1_cert"),
    read("tls_secp256k1_key"),
    "Cannot use --tls-cert C with --tls-key K: ",
  ],
];

for (const [name, cert, key, message] of BAD) {
  Deno.test(`readTlsFiles() refuses ${name}`, async () => {
    const error = await assertRejects(() => readFiles(cert, key), TlsFileError);
    const isPrefix = message.endsWith(": ");
    assertEquals(isPrefix ? error.message.slice(0, message.length) : error.message, message);
  });
}

Deno.test("readTlsFiles() names the file that it cannot read", async () => {
  await assertRejects(
    () => readTlsFiles({ tlsCert: "/nowhere/c.pem", tlsKey: "/nowhere/k.pem" }),
    TlsFileError,
    "Cannot read --tls-cert /nowhere/c.pem: it does not exist",
  );
});

Deno.test("readTlsFiles() returns undefined without flags", async () => {
  assertEquals(await readTlsFiles({ tlsCert: "", tlsKey: "" }), undefined);
});

const NOW_MS = Date.parse("2027-01-01");

for (
  const [name, cert, warning] of [
    ["a valid certificate", CERT, undefined],
    [
      "an expired certificate",
      read("tls_expired_cert"),
      "The certificate in --tls-cert C has expired: Jan  1 00:00:00 2021 GMT",
    ],
    [
      "a certificate of the future",
      read("tls_future_cert"),
      "The certificate in --tls-cert C is not valid yet: Jan  1 00:00:00 2100 GMT",
    ],
    ["the server's certificate of a chain", CERT + read("tls_expired_cert"), undefined],
  ] as const
) {
  Deno.test(`validityWarning() looks at ${name}`, () => {
    assertEquals(validityWarning({ cert, key: KEY }, { tlsCert: "C" }, NOW_MS), warning);
  });
}
