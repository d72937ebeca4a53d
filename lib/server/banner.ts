/**
 * The text that the server prints at start: its URL and what to try next.
 *
 * @param execPath The path of Deno. If npx runs Deno, the suggested command uses npx too.
 */
export function bannerText(url: URL, execPath: string): string {
  const deno = /[\\/]_npx[\\/]/.test(execPath) ? `npx -y deno@${Deno.version.deno}` : "deno";
  const webSocketUrl = `${url.href.replace("http", "ws")}ws`;
  const target = webSocketUrl === "ws://127.0.0.1:8000/ws" ? "" : ` --url ${webSocketUrl}`;
  return `Chorus is listening on ${url}

  Talk in a browser    ${url}
  Simulate nine users  ${deno} task client --count 9${target}
  Stop                 Ctrl-C
`;
}
