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

  socket.addEventListener("open", () => {
    attempt = 0;
    status.textContent = "Connected";
    send.disabled = false;
  });
  socket.addEventListener("message", ({ data }) => {
    show(typeof data === "string" ? data : `(${data.byteLength} bytes)`, "other");
  });
  socket.addEventListener("close", ({ code, reason }) => {
    send.disabled = true;
    status.textContent = `Connection lost (${reason || code}), reconnecting…`;
    const retryMs = Math.min(MAX_RETRY_MS, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);
    setTimeout(() => connect(attempt + 1), retryMs);
  });
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
