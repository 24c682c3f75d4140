// Keeps what a screen's page is made of, so that it comes up again without a network. The network always comes first.

const KEPT = "screen";
const PARTS = ["/naytto/", "/app/static/"];

async function brought(request) {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (error) {
    const found = await kept.match(request, { ignoreVary: true });
    if (found) return found;
    throw error;
  }
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  const ours = origin === self.location.origin && PARTS.some((part) => pathname.startsWith(part));
  if (ours && event.request.method === "GET") event.respondWith(brought(event.request));
});
