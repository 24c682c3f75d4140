// Shows push messages when the page is closed. It keeps nothing and asks nobody: what comes is encrypted for this browser.

const FIRST_LINK = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)]/;

self.addEventListener("push", (event) => {
  const { id, title, body, language, stop, ends } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, {
    body, lang: language, tag: id, icon: "/app/static/icon.svg", data: { stop, leads: body.match(FIRST_LINK)?.[0] ?? `/app?lang=${language}` },
    actions: stop ? [{ action: "stop", title: ends }] : [],
  }));
});

self.addEventListener("notificationclick", (event) => {
  const { stop, leads } = event.notification.data;
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.action === "stop" ? stop : leads));
});
