const status = document.querySelector("#status");
const messages = document.querySelector("#messages");
const composer = document.querySelector("#composer");
const text = document.querySelector("#text");
const send = document.querySelector("#send");

const MAX_RETRY_MS = 10_000;
const MAX_MESSAGES = 1_000;

let socket;
connect(0);

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value === "" || socket.readyState !== WebSocket.OPEN) return;
  socket.send(text.value);
  show(text.value, "own");
  text.value = "";
});

function connect(attempt) {
  const url = new URL(`ws${location.search}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";

  let hasOpened = false;
  socket.addEventListener("open", () => {
    hasOpened = true;
    attempt = 0;
    status.textContent = "Connected";
    send.disabled = false;
  });
  socket.addEventListener("message", ({ data }) => {
    show(typeof data === "string" ? data : `(${data.byteLength} bytes)`, "other");
  });
  socket.addEventListener("close", async ({ code, reason }) => {
    send.disabled = true;
    // Clients must not reconnect after these codes: see PROTOCOL.md.
    if (code >= 4500 && code <= 4999) {
      status.textContent = `Disconnected: ${reason || code}`;
      return;
    }
    if (hasOpened) {
      status.textContent = `Connection lost (${reason || code}), reconnecting…`;
    } else {
      const refusal = await findRefusal();
      if (refusal.isFinal) {
        status.textContent = `Cannot connect: ${refusal.reason}`;
        return;
      }
      status.textContent = `Trying again: ${refusal.reason}`;
    }
    const retryMs = Math.min(MAX_RETRY_MS, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);
    setTimeout(() => connect(attempt + 1), retryMs);
  });
}

/** Asks over HTTP why the room cannot be joined. A browser does not tell why a WebSocket failed. */
async function findRefusal() {
  const room = new URLSearchParams(location.search).get("room") ?? "lobby";
  const url = new URL(`rooms/${encodeURIComponent(room)}/events${location.search}`, location.href);
  try {
    // HEAD joins no room if nothing is wrong.
    const { ok, status } = await fetch(url, { method: "HEAD" });
    if (ok) return { reason: "the server refused the connection", isFinal: false };
    const { detail } = await (await fetch(url)).json();
    return { reason: detail, isFinal: status < 500 && status !== 429 };
  } catch {
    return { reason: "the server does not answer", isFinal: false };
  }
}

function show(content, author) {
  const isAtEnd = messages.scrollTop + messages.clientHeight >= messages.scrollHeight - 4;
  const item = document.createElement("li");
  item.className = author;
  item.textContent = content;
  messages.append(item);
  if (messages.childElementCount > MAX_MESSAGES) messages.firstElementChild.remove();
  if (isAtEnd || author === "own") messages.scrollTop = messages.scrollHeight;
}
