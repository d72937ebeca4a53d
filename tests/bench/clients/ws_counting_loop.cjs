// A simple load client on `ws`. It counts messages, and checks nothing.
const WebSocket = require("ws");

const [url, count, senders, rate, seconds] = process.argv.slice(2).map((text, at) =>
  at === 0 ? text : Number(text)
);
let received = 0;
let opened = 0;
const sockets = Array.from({ length: count }, () => {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on("message", () => received++);
  socket.on("open", () => ++opened === count && begin());
  return socket;
});

function begin() {
  const text = "x".repeat(64);
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = (performance.now() - startMs) * rate / 1000;
    // At most this many per turn of the event loop, so that it also reads.
    for (let burst = 0; sent < due && burst < 256; burst++) sockets[sent++ % senders].send(text);
  }, 1);
  setTimeout(() => {
    clearInterval(timer);
    const took = (performance.now() - startMs) / 1000;
    console.log(JSON.stringify({ deliveriesPerSecond: received / took }));
    process.exit(0);
  }, seconds * 1000);
}
