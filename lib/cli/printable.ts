/**
 * Escapes the control characters of a text from a peer: a newline becomes `\n`, ESC becomes `\x1b`.
 * The result is one line and cannot control the terminal.
 */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (control) => {
    const escaped = JSON.stringify(control).slice(1, -1);
    if (/^\\[a-z]$/.test(escaped)) return escaped;
    const code = control.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}
