// Small comforts for pages that work without this file, too.

for (const field of document.querySelectorAll("input[type=password][data-show]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "secondary reveal";
  button.textContent = field.dataset.show;
  button.setAttribute("aria-controls", field.id);
  button.addEventListener("click", () => {
    const hidden = field.type === "text";
    field.type = hidden ? "password" : "text";
    button.textContent = hidden ? field.dataset.show : field.dataset.hide;
    field.focus();
  });
  field.after(button);
  field.form?.addEventListener("submit", () => { field.type = "password"; });
}

// A second press must not send the form again; coming back makes it usable again.
for (const form of document.querySelectorAll("form[method=post]:not([data-stays])")) { // the others answer with a file
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button && document.body.dataset.sending) {
      button.setAttribute("aria-disabled", "true");
      button.dataset.label = button.textContent;
      button.textContent = document.body.dataset.sending;
    }
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button[data-label]")) {
      button.removeAttribute("aria-disabled");
      button.textContent = button.dataset.label;
    }
  }
});

// An answer for a service goes on by itself; its button does the same.
document.querySelector("form[data-goes-on]")?.requestSubmit();

for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
}

// Two minutes before the session ends for want of use, the page asks; how many are
// left it says 5, 2 and 1 minutes before. All tabs of the browser know of each
// other's use.
const dialog = document.getElementById("timeout");
if (dialog) {
  const notice = 120_000;
  const tabs = new BroadcastChannel("session");
  const lead = dialog.querySelector("p[data-text]");
  let ends = Number(dialog.dataset.ends);
  let timer;
  const inside = dialog.querySelector("[data-left]");
  const tell = (min) => { // what is behind an open dialog is not heard
    (dialog.open ? inside : document.getElementById("session-left")).textContent = inside.dataset.left.replace("{min}", min);
  };
  const watch = () => {
    clearTimeout(timer);
    const left = ends - Date.now();
    if (left <= 0) {
      location.assign("/login?ended=1");
      return;
    }
    if (left <= notice) {
      const time = new Date(ends).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
      lead.textContent = lead.dataset.text.replace("{time}", time);
      if (!dialog.open) dialog.showModal();
    } else if (dialog.open) {
      dialog.close();
    }
    const minute = 60_000;
    const due = [5, 2, 1].find((min) => Math.abs(left - min * minute) < 1500);
    if (due) tell(due);
    timer = setTimeout(watch, left - ([5, 2, 1].find((min) => min * minute < left) ?? 0) * minute);
  };
  const extend = async () => {
    const answer = await fetch("/session");
    ends = (await answer.json()).ends;
    tabs.postMessage(ends);
    watch();
  };
  dialog.querySelector("button").addEventListener("click", extend);
  dialog.addEventListener("cancel", extend);
  tabs.addEventListener("message", (event) => { ends = event.data; watch(); });
  document.addEventListener("visibilitychange", watch); // timers sleep with the machine
  tabs.postMessage(ends);
  watch();
}

// What is long to type can be copied: only the digits and letters, without gaps.
for (const source of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "secondary reveal";
  button.textContent = source.dataset.copy;
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  status.className = "hint";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.dataset.value ?? source.textContent.replace(/\s/g, ""));
    status.textContent = source.dataset.copied;
  });
  source.after(button, status);
}

// The Authenticator extension, where there is one, takes the key from the page
// (docs: the hand-over protocol). It answers a hello; without it nothing appears.
const extension = "warifu-authenticator";
function ask(op, more, limit) {
  const n = crypto.randomUUID();
  return new Promise((resolve) => {
    const answered = (event) => {
      const m = event.data;
      if (event.source !== window || event.origin !== location.origin || m?.from !== extension || m.v !== 1 || m.n !== n) return;
      removeEventListener("message", answered);
      resolve(m);
    };
    addEventListener("message", answered);
    if (limit) setTimeout(() => { removeEventListener("message", answered); resolve({ ok: false }); }, limit);
    postMessage({ v: 1, n, to: extension, op, ...more }, location.origin);
  });
}

const handover = document.getElementById("handover");
const keptCode = "warifu-first-code"; // never the key
if (handover) {
  const button = handover.querySelector("button");
  const status = handover.querySelector("[role=status]");
  const uri = document.getElementById("otpauth").href;
  const answer = await ask("hello", {}, 500);
  handover.hidden = !answer.ok;
  let asking = false; // the window of the extension is open
  button.addEventListener("click", async () => {
    if (asking) return;
    asking = true;
    status.textContent = "";
    const added = await ask("enrol", { uri, reason: handover.dataset.reason });
    asking = false;
    if (!added.ok) {
      status.textContent = handover.dataset.failed;
      return;
    }
    const label = decodeURIComponent(new URL(uri).pathname.replace(/^\/+(totp\/)?/, ""));
    const [issuer, account] = label.split(":");
    status.textContent = handover.dataset.added.replace("{name}", document.documentElement.lang === "ja" ? `${issuer}（${account}）` : `${issuer} (${account})`);
    sessionStorage.setItem(keptCode, JSON.stringify({ code: added.code, validUntil: added.validUntil }));
    document.querySelector("form[action='/enrol'] button").focus();
  });
}

const confirmation = document.querySelector("form[action='/enrol/verify'] input[autocomplete=one-time-code]");
if (confirmation) {
  const kept = JSON.parse(sessionStorage.getItem(keptCode) ?? "null");
  sessionStorage.removeItem(keptCode);
  if (kept && Date.now() < kept.validUntil) {
    confirmation.value = kept.code;
    document.querySelector("form[action='/enrol/verify'] button").focus();
  }
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
