// Pages that wait for the help desk. The page tells what has become of its
// request as soon as the server says so: by server-sent events, or, where they
// do not get through, by asking. Nothing here reloads a page by itself; only an
// approved initialization moves on, with the form that the page has anyway.

const live = document.getElementById("live");
if (live?.dataset.live) {
  const flow = encodeURIComponent(live.dataset.live);
  const count = live.nextElementSibling;
  let state = live.dataset.state;
  let ended = false;
  let failures = 0;
  let source;

  const say = (text) => { if (live.textContent !== text) live.textContent = text; };
  const approved = () => {
    const until = new Date(Date.now() + Number(live.dataset.minutes ?? 0) * 60_000);
    return live.dataset.approved.replace("{time}", until.toLocaleTimeString("ja", { hour: "2-digit", minute: "2-digit" }));
  };
  const show = (now, open) => {
    failures = 0;
    if (count?.dataset.open !== undefined) count.textContent = live.dataset.count.replace("{n}", open);
    if (now === state) {
      if (live.textContent === live.dataset.offline) say(live.dataset[now] ?? "");
      return;
    }
    state = now;
    if (now === "approved" || now === "used") {
      if (!document.title.startsWith("✓ ")) document.title = `✓ ${document.title}`;
      say(approved());
      ended = now === "used";
      document.getElementById("continue")?.requestSubmit();
      return;
    }
    say(live.dataset[now] ?? "");
    if (["refused", "expired", "cancelled"].includes(now)) {
      ended = true;
      document.title = `■ ${document.title}`;
      for (const part of document.querySelectorAll("[data-open]")) part.hidden = true;
      for (const part of document.querySelectorAll("[data-ended]")) part.hidden = false;
    }
  };

  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  let asking = false;
  const ask = async () => { // long polling, for good
    if (asking) return;
    asking = true;
    while (!ended) {
      try {
        const answer = await fetch(`/wait/state?flow=${flow}&seen=${failures ? "" : state}`, { cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        const now = await answer.json();
        show(now.state, now.open);
      } catch {
        failures++;
        say(live.dataset.offline);
        await pause(1000);
      }
    }
  };
  const listen = () => {
    source = new EventSource(`/wait/events?flow=${flow}`);
    for (const name of ["waiting", "working", "approved", "refused", "expired", "cancelled", "used"]) {
      source.addEventListener(name, (event) => {
        show(name, event.data);
        if (ended) source.close();
      });
    }
    source.addEventListener("error", () => {
      failures++;
      if (!ended) say(live.dataset.offline);
      if (failures >= 3 || source.readyState === EventSource.CLOSED) {
        source.close();
        ask();
      }
    });
  };
  // After sleep, or when the network is back, nobody waits for a time-out.
  const again = () => {
    if (ended || document.hidden || asking) return;
    if (source.readyState !== EventSource.OPEN) {
      source.close();
      listen();
    }
  };
  addEventListener("online", again);
  document.addEventListener("visibilitychange", again);
  addEventListener("pageshow", (event) => { if (event.persisted) again(); });
  if (!["refused", "expired", "cancelled"].includes(state)) listen();
  if (state === "approved") document.getElementById("continue")?.requestSubmit();
}
