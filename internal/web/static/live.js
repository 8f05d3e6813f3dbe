// Pages that wait for the help desk. The page tells what has become of its
// request as soon as the server says so: by server-sent events, or, where they
// do not get through, by asking. Nothing here reloads a page by itself; only an
// approved initialization moves on, with the form that the page has anyway.

// How long an OTP still works is said 5, 2 and 1 minutes before its end. Who was
// asleep then hears the next one.
const countDown = (left, say) => {
  const ends = Date.now() + left;
  for (const min of [5, 2, 1]) {
    if (left < min * 60_000) continue;
    setTimeout(() => { if (Math.round((ends - Date.now()) / 60_000) === min) say(min); }, left - min * 60_000);
  }
};

const mailed = document.getElementById("left");
if (mailed) countDown(Number(mailed.dataset.left) * 1000, (min) => { mailed.textContent = mailed.dataset.text.replace("{min}", min); });

const live = document.getElementById("live");
if (live?.dataset.live) {
  const flow = encodeURIComponent(live.dataset.live);
  const count = live.nextElementSibling;
  let state = live.dataset.state;
  const over = ["refused", "expired", "cancelled"];
  let ended = over.includes(state);
  let failures = 0;
  let source;
  let told = live.textContent; // what holds once the connection is back

  const say = (text) => { if (live.textContent !== text) live.textContent = text; };
  const tell = (text) => { told = text; say(text); };
  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  const announce = (text) => {
    if (!document.title.startsWith("✓ ")) document.title = `✓ ${document.title}`;
    tell(text);
  };
  const left = (part) => {
    const ready = part.querySelector("[data-left]");
    if (!ready) return;
    const until = ready.textContent;
    countDown(Number(ready.dataset.left) * 1000, (min) => {
      if (state === "approved") tell(`${until} ${live.dataset.text.replace("{min}", min)}`);
    });
  };
  const ready = async () => { // until when the OTP works, the server alone knows
    while (state === "approved") {
      try {
        const answer = await fetch(live.dataset.ready, { cache: "no-store" });
        if (answer.status >= 500) throw new Error(String(answer.status));
        const part = document.createElement("template");
        part.innerHTML = await answer.text(); // our own page's, escaped by the server
        if (answer.status === 200) {
          announce(part.content.textContent);
          left(part.content);
        }
        return;
      } catch {
        await pause(1000);
      }
    }
  };
  const show = (now, open) => {
    failures = 0;
    if (count?.dataset.open !== undefined) count.textContent = live.dataset.count.replace("{n}", open);
    if (now === state) {
      say(told);
      return;
    }
    state = now;
    if (now === "approved" || now === "used") {
      ended = now === "used";
      if (live.dataset.ready) ready(); else announce(live.dataset.approved);
      document.getElementById("continue")?.requestSubmit();
      return;
    }
    tell(live.dataset[now] ?? "");
    if (over.includes(now)) {
      ended = true;
      document.title = `■ ${document.title}`;
      document.querySelector("h1.done")?.classList.remove("done"); // what was sent has come to nothing
      for (const part of document.querySelectorAll("[data-open]")) part.hidden = true;
      for (const part of document.querySelectorAll("[data-ended]")) part.hidden = false;
    }
  };

  let asking = false;
  const ask = async () => { // long polling, for good
    if (asking) return;
    asking = true;
    while (!ended) {
      try {
        const begun = performance.now();
        const answer = await fetch(`/wait/state?flow=${flow}&seen=${failures ? "" : state}`, { cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        const now = await answer.json();
        const news = now.state !== state;
        show(now.state, now.open);
        if (!news && performance.now() - begun < 1000) await pause(1000); // the server keeps no answer back now
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
    if (source.readyState === EventSource.OPEN) { // it has outlived the break
      say(told);
      return;
    }
    source.close();
    listen();
  };
  addEventListener("online", again);
  addEventListener("offline", () => { if (!ended) say(live.dataset.offline); });
  document.addEventListener("visibilitychange", again);
  addEventListener("pageshow", (event) => { if (event.persisted) again(); });
  left(live);
  if (!ended) listen();
  if (state === "approved") document.getElementById("continue")?.requestSubmit();
}

// The console. Events say only that something has changed; what it is, the page
// asks for.
for (const part of document.querySelectorAll("[data-part]")) {
  const refresh = async () => {
    const answer = await fetch(part.dataset.part, { cache: "no-store" });
    if (answer.status !== 200) return; // 204: the case is in other hands by now
    const next = document.createElement("template");
    next.innerHTML = await answer.text(); // our own page's, escaped by the server
    if (next.innerHTML === part.innerHTML) return; // a screen reader would say it again
    part.replaceChildren(next.content);
    part.dispatchEvent(new Event("refreshed"));
  };
  let first = true;
  const source = new EventSource(part.dataset.events);
  source.addEventListener("changed", () => {
    if (!first || part.id !== "caller") refresh();
    first = false;
  });
  setInterval(() => { if (source.readyState === EventSource.CLOSED) refresh(); }, 5000); // where streams do not get through
}

const board = document.getElementById("board");
if (board) {
  const news = document.getElementById("news");
  const title = document.title.replace(/^\(\d+\) /, "");
  const facts = () => board.querySelector("[data-newest]")?.dataset ?? {};
  let newest = facts().newest;
  let audio;
  const chime = () => {
    if (!audio) return;
    const tone = audio.createOscillator();
    const level = audio.createGain();
    level.gain.value = 0.1;
    tone.connect(level).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.3);
  };
  const sound = document.getElementById("sound");
  sound.hidden = false;
  sound.addEventListener("click", () => {
    audio = audio ? undefined : new AudioContext();
    sound.textContent = audio ? sound.dataset.off : sound.dataset.on;
    sound.setAttribute("aria-pressed", String(Boolean(audio)));
    chime();
  });
  board.addEventListener("refreshed", () => {
    const now = facts();
    document.title = Number(now.waiting) ? `(${now.waiting}) ${title}` : title;
    if (now.newest && now.newest !== newest && now.newest > (newest ?? "")) {
      news.textContent = news.dataset.new.replace("{kind}", now.kind);
      chime();
    }
    newest = now.newest || newest;
  });
}

// An OTP for reading out is hidden after a while, or at once.
const otp = document.getElementById("shown");
if (otp) {
  let left = Number(otp.dataset.seconds);
  const said = document.createElement("p");
  said.className = "hint";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "secondary";
  button.textContent = otp.dataset.hide;
  const hide = () => {
    clearInterval(timer);
    otp.textContent = otp.dataset.hidden;
    said.remove();
    button.remove();
  };
  const timer = setInterval(() => {
    left--;
    said.textContent = otp.dataset.left.replace("{sec}", left);
    if (left <= 0) hide();
  }, 1000);
  button.addEventListener("click", hide);
  otp.after(said, button);
}

// Keys for one hand; they can be switched off, and never work while something is typed.
if (document.getElementById("keys") || document.getElementById("work")) {
  const chosen = "warifu-console-keys";
  const on = () => localStorage.getItem(chosen) !== "off";
  const toggle = document.getElementById("switch");
  if (toggle) {
    const label = () => { toggle.textContent = on() ? toggle.dataset.off : toggle.dataset.on; };
    toggle.hidden = false;
    label();
    toggle.addEventListener("click", () => { localStorage.setItem(chosen, on() ? "off" : "on"); label(); });
  }
  const items = [...document.querySelectorAll("fieldset.item")];
  const here = () => items.findIndex((item) => item.contains(document.activeElement));
  const go = (n) => items[Math.min(Math.max(n, 0), items.length - 1)]?.querySelector("input:checked, input")?.focus();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey) {
      const main = document.getElementById("main-act");
      if (main) main.click(); else document.getElementById("open")?.requestSubmit();
      event.preventDefault();
      return;
    }
    const typing = document.activeElement?.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !on()) return;
    const choice = ["1", "2", "3"].indexOf(event.key);
    if (choice >= 0 && here() >= 0) {
      const option = items[here()].querySelectorAll("input")[choice];
      option.checked = true;
      const next = here() + 1;
      if (next < items.length) go(next); else document.getElementById("reason")?.focus();
    } else if (event.key === "o") {
      const field = document.getElementById("id");
      if (field) field.focus(); else location.assign("/desk");
    } else if (event.key === "b") {
      document.getElementById("board-title") ? document.getElementById("board-title").focus() : location.assign("/desk");
    } else if (event.key === "w") {
      go(here() - 1);
    } else if (event.key === "e") {
      go(here() + 1);
    } else if (event.key === "?") {
      const help = document.getElementById("keys");
      if (help) {
        help.open = true;
        help.querySelector("summary").focus();
      }
    } else if (event.key === "Escape") {
      (document.getElementById("back") ?? document.querySelector("[value=leave]"))?.click();
    } else {
      return;
    }
    event.preventDefault();
  });
}
