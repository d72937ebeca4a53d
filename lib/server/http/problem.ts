import { isStatus, STATUS_TEXT } from "@std/http/status";

/** An error of the HTTP API, told as problem details (RFC 9457). */
export function problem(
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const title = isStatus(status) ? STATUS_TEXT[status] : "Error";
  return new Response(JSON.stringify({ title, status, detail }) + "\n", {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
